import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type IncomingMessage, type RequestListener } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { loadImage } from "./load-image.ts";

const folder = mkdtempSync(join(tmpdir(), "skep-load-"));
const servers: ReturnType<typeof createServer>[] = [];
afterAll(() => {
  for (const server of servers) server.close().closeAllConnections();
  rmSync(folder, { recursive: true, force: true });
});

/** An engine that answers every request in one way; resolves with its socket. */
async function engine(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  servers.push(server);
  const socket = join(folder, `${servers.length}.sock`);
  server.listen(socket);
  await once(server, "listening");
  return socket;
}

const image = randomBytes(3 << 20);
const digest = (bytes: Buffer) => createHash("sha256").update(bytes).digest("hex");

async function bytesOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  return Buffer.concat(chunks);
}

test("an image is saved once, and every target gets all of it", async () => {
  let saves = 0;
  const from = await engine((request, response) => {
    saves += request.url === "/images/web%3A2/get" ? 1 : 0;
    response.end(image);
  });
  const got: string[] = [];
  const target = () =>
    engine((request, response) => {
      void bytesOf(request).then((bytes) => {
        got.push(digest(bytes));
        response.end("{}");
      });
    });
  const to = [
    { name: "node-1", socket: await target() },
    { name: "node-2", socket: await target() },
  ];
  let total = 0;
  await loadImage({ image: "web:2", from, to, onBytes: (bytes) => (total = bytes) });
  expect(saves).toBe(1);
  expect(got).toEqual([digest(image), digest(image)]);
  expect(total).toBe(image.length);
});

test("a target that breaks off does not keep the others from getting the image", async () => {
  const from = await engine((_, response) => response.end(image));
  let got = "";
  const good = await engine((request, response) => {
    void bytesOf(request).then((bytes) => {
      got = digest(bytes);
      response.end();
    });
  });
  const bad = await engine((request) => request.socket.destroy());
  const to = [
    { name: "node-1", socket: bad },
    { name: "node-2", socket: good },
  ];
  await expect(loadImage({ image: "web", from, to })).rejects.toThrow("image load on node-1: ");
  expect(got).toBe(digest(image));
});

test("a target that refuses the image is named with what its engine says", async () => {
  const from = await engine((_, response) => response.end(image));
  const full = await engine((request, response) => {
    request.resume().on("end", () => response.end('{"errorDetail":{},"error":"no space left on device"}\n'));
  });
  const loading = loadImage({ image: "web", from, to: [{ name: "node-1", socket: full }] });
  await expect(loading).rejects.toThrow("image load on node-1: no space left on device");
});

test("an image that the engine does not have is told in the engine's words", async () => {
  const from = await engine((_, response) => response.writeHead(404).end('{"message":"reference does not exist"}'));
  await expect(loadImage({ image: "web", from, to: [] })).rejects.toThrow("reference does not exist");
});

test("without an engine at the source the error says how to name another", async () => {
  const loading = loadImage({ image: "web", from: join(folder, "none.sock"), to: [] });
  await expect(loading).rejects.toThrow("name another one with --from NODE, or set DOCKER_HOST");
});
