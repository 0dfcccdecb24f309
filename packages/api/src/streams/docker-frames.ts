// Docker's multiplexed stream: frames of an 8-byte header (stream, three zeros, big-endian length) and a payload.

export const streamIds = { stdout: 1, stderr: 2, systemError: 3 } as const;

export interface Frame {
  /** One of `streamIds`; 0 is stdin, which engines echo nowhere. */
  readonly stream: number;
  readonly payload: Uint8Array;
}

const headerBytes = 8;

export function encodeFrame({ stream, payload }: Frame): Buffer {
  const frame = Buffer.allocUnsafe(headerBytes + payload.length);
  frame.writeUInt32BE(stream << 24, 0);
  frame.writeUInt32BE(payload.length, 4);
  frame.set(payload, headerBytes);
  return frame;
}

/** Cuts a multiplexed stream, which may arrive in pieces of any size, into its frames. Half a frame at the end is lost. */
export async function* decodeFrames(source: AsyncIterable<Uint8Array>): AsyncGenerator<Frame> {
  let pieces: Uint8Array[] = [];
  let size = 0;
  let wanted = headerBytes;
  for await (const piece of source) {
    pieces.push(piece);
    size += piece.length;
    if (size < wanted) continue;
    let rest = Buffer.concat(pieces);
    for (wanted = frameBytes(rest); rest.length >= wanted; wanted = frameBytes(rest)) {
      yield { stream: rest.readUInt8(0), payload: rest.subarray(headerBytes, wanted) };
      rest = rest.subarray(wanted);
    }
    pieces = [rest];
    size = rest.length;
  }
}

/** How many bytes the frame at the start of `buffer` takes; until its header is there, those of the header. */
const frameBytes = (buffer: Buffer): number =>
  buffer.length < headerBytes ? headerBytes : headerBytes + buffer.readUInt32BE(4);

/** The lines of a raw (TTY) stream as frames of stdout, each with its line end. */
export async function* framesOfLines(source: AsyncIterable<Uint8Array>): AsyncGenerator<Frame> {
  let rest = Buffer.alloc(0);
  for await (const piece of source) {
    rest = Buffer.concat([rest, piece]);
    for (let end = rest.indexOf(newline); end >= 0; end = rest.indexOf(newline)) {
      yield { stream: streamIds.stdout, payload: rest.subarray(0, end + 1) };
      rest = rest.subarray(end + 1);
    }
  }
  if (rest.length > 0) yield { stream: streamIds.stdout, payload: rest };
}

const newline = 0x0a;
