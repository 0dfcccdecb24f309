import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { DomainError, silentLogger, systemClock } from "@skep/model";
import fc from "fast-check";
import { afterAll, expect, test } from "vitest";
import type { ContainerStart } from "./container-start.ts";
import { RuntimeServer, type RuntimeServerOptions } from "./runtime-server.ts";

const folder = mkdtempSync(join(tmpdir(), "skep-runtime-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

let count = 0;
const newSocket = () => join(folder, `${count++}.sock`);
const hook = fileURLToPath(new URL("../libexec/hook", import.meta.url));
const id = "ab".repeat(32);
const bundle = join(folder, "bundle");
mkdirSync(bundle);
writeFileSync(join(bundle, "config.json"), '{"hostname":"web"}');

const listen = (socketPath: string, onStart: RuntimeServerOptions["onStart"]) =>
  RuntimeServer.listen({ socketPath, onStart, log: silentLogger, clock: systemClock });

const state = (more: object = {}) => JSON.stringify({ id, pid: 7, bundle, ...more }, undefined, 2);

/** The hook as runc runs it. */
function runHook(socketPath: string, stdin = state(), ...more: string[]) {
  const child = spawn(hook, [socketPath, ...more]);
  let stderr = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
  });
  child.stdin.end(stdin);
  const result = once(child, "close").then(([code]) => ({ code: code as number | null, stderr }));
  return { child, result };
}

/** What a client gets back that writes `text`, and no more. */
async function exchange(socketPath: string, text: string | Uint8Array): Promise<string> {
  const socket = connect(socketPath);
  let answer = "";
  socket.setEncoding("utf8").on("data", (chunk: string) => {
    answer += chunk;
  });
  socket.on("error", () => {});
  socket.end(text);
  await once(socket, "close");
  return answer;
}

test("a hook succeeds when the container is attached, and not before", async () => {
  const socketPath = newSocket();
  const starts: ContainerStart[] = [];
  const attached = Promise.withResolvers<void>();
  await using _ = await listen(socketPath, (start) => {
    starts.push(start);
    return attached.promise;
  });
  const { child, result } = runHook(socketPath);
  await expect.poll(() => starts).toEqual([{ containerId: id, pid: 7, bundle, hostname: "web" }]);
  expect(child.exitCode).toBeNull();
  attached.resolve();
  expect(await result).toEqual({ code: 0, stderr: "" });
});

test("a refusal is told in one line, a bug without its words", async () => {
  const socketPath = newSocket();
  const errors: Error[] = [new DomainError("conflict", "network web:\n  no address is left"), new Error("secret")];
  await using _ = await listen(socketPath, () => Promise.reject(errors.shift()));
  expect(await runHook(socketPath).result).toEqual({ code: 1, stderr: "skep: network web: no address is left" });
  expect((await runHook(socketPath).result).stderr).toBe(
    "skep: attaching the container's networks failed inside skepd: its log has the reason",
  );
});

test("a bundle that cannot be read is told", async () => {
  const socketPath = newSocket();
  await using _ = await listen(socketPath, async () => {});
  const { stderr } = await runHook(socketPath, state({ bundle: join(folder, "no") })).result;
  expect(stderr).toContain(`skep: cannot read ${folder}/no/config.json: ENOENT`);
});

test("a hook waits for a skepd that is restarting, and asks again when it goes away meanwhile", async () => {
  const socketPath = newSocket();
  writeFileSync(socketPath, ""); // what a killed one leaves refuses connections just so
  const { result } = runHook(socketPath);
  await delay(150);
  const signals: AbortSignal[] = [];
  const first = await listen(socketPath, async (_, signal) => {
    signals.push(signal);
    await once(signal, "abort");
    throw signal.reason;
  });
  await expect.poll(() => signals.length).toBe(1);
  await first.close();
  expect(existsSync(socketPath)).toBe(false);
  await using _ = await listen(socketPath, async () => {});
  expect(await result).toEqual({ code: 0, stderr: "" });
});

test("the signal aborts when the hook is killed", async () => {
  const socketPath = newSocket();
  const aborted = Promise.withResolvers<void>();
  await using _ = await listen(socketPath, async (_start, signal) => {
    child.kill("SIGKILL");
    await once(signal, "abort");
    aborted.resolve();
  });
  const { child } = runHook(socketPath);
  await aborted.promise;
});

test("only root may ask, and a second server does not take the first one's place", async () => {
  const socketPath = newSocket();
  await using _ = await listen(socketPath, async () => {});
  expect(statSync(socketPath).mode & 0o777).toBe(0o600);
  await expect(listen(socketPath, async () => {})).rejects.toThrow(`another skepd answers on ${socketPath}`);
  expect(await runHook(socketPath).result).toMatchObject({ code: 0 });
});

test("a server that ends leaves the socket of its successor alone", async () => {
  const socketPath = newSocket();
  const first = await listen(socketPath, async () => {});
  rmSync(socketPath);
  await using _ = await listen(socketPath, async () => {});
  await first.close();
  expect(await runHook(socketPath).result).toMatchObject({ code: 0 });
});

test("whatever is written to it, it goes on answering, and attaches nothing", async () => {
  const socketPath = newSocket();
  let started = 0;
  await using _ = await listen(socketPath, async () => {
    started++;
  });
  const line = fc.oneof(fc.string(), fc.json(), fc.record({ id: fc.constant(id), pid: fc.anything() }).map(toJson));
  await fc.assert(
    fc.asyncProperty(
      fc.oneof(
        line,
        fc.uint8Array(),
        line.map((text) => `${text}\nmore\n`),
      ),
      async (text) => {
        expect(await exchange(socketPath, text)).toMatch(/^(refused [^\n]+\n)?$/);
      },
    ),
    { numRuns: 100 },
  );
  expect(await exchange(socketPath, "x".repeat(100_000))).toBe("refused a request of more than 65536 bytes\n");
  expect(started).toBe(0);
  expect(await runHook(socketPath).result).toMatchObject({ code: 0 });
});

const toJson = (value: unknown) => JSON.stringify(value);

test("fifty hooks at once are all answered", async () => {
  const socketPath = newSocket();
  await using _ = await listen(socketPath, () => delay(20));
  const results = await Promise.all(Array.from({ length: 50 }, () => runHook(socketPath).result));
  expect(results.every(({ code }) => code === 0)).toBe(true);
});

test("a hook gives up after a while and says what to do", async () => {
  const nobody = newSocket();
  const dropping = newSocket();
  const server = createServer((socket) => socket.destroy()).listen(dropping);
  const absent = runHook(nobody, state(), "1");
  const dropped = runHook(dropping, state(), "1");
  expect(await absent.result).toEqual({
    code: 1,
    stderr: `skep: skepd was not reached on ${nobody} for 1 s (No such file or directory): start it (systemctl start skepd), then start the container again`,
  });
  expect(dropped.child.exitCode).toBeNull(); // it was there: asked for longer
  dropped.child.kill();
  server.close();
});
