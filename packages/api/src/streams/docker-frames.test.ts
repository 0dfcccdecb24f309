import fc from "fast-check";
import { expect, test } from "vitest";
import { decodeFrames, encodeFrame, type Frame, framesOfLines } from "./docker-frames.ts";

async function* inPieces(bytes: Uint8Array, sizes: readonly number[]) {
  for (let at = 0, index = 0; at < bytes.length; index++) {
    const size = sizes[index % sizes.length] ?? 1;
    yield bytes.subarray(at, at + size);
    at += size;
  }
}

const plain = (frames: readonly Frame[]) =>
  frames.map(({ stream, payload }) => [stream, Buffer.from(payload).toString("hex")]);

test("frames survive being cut into pieces of any size", async () => {
  const frame = fc.record({ stream: fc.integer({ min: 0, max: 3 }), payload: fc.uint8Array({ maxLength: 50 }) });
  const sizes = fc.array(fc.integer({ min: 1, max: 70 }), { minLength: 1 });
  await fc.assert(
    fc.asyncProperty(fc.array(frame), sizes, async (frames, pieceSizes) => {
      const decoded = await Array.fromAsync(decodeFrames(inPieces(Buffer.concat(frames.map(encodeFrame)), pieceSizes)));
      expect(plain(decoded)).toEqual(plain(frames));
    }),
  );
});

test("a frame is a header of stream and length, and the payload", () => {
  expect(encodeFrame({ stream: 2, payload: Buffer.from("err\n") }).toString("hex")).toBe("02000000000000046572720a");
});

test("a raw stream is taken apart at its line ends", async () => {
  const frames = await Array.fromAsync(framesOfLines(inPieces(Buffer.from("one\r\ntwo\r\nrest"), [4])));
  expect(frames.map(({ stream, payload }) => `${stream} ${JSON.stringify(String(payload))}`)).toEqual([
    '1 "one\\r\\n"',
    '1 "two\\r\\n"',
    '1 "rest"',
  ]);
});
