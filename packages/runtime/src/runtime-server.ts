import { once } from "node:events";
import { chmod, mkdir, open, rename, rm, stat } from "node:fs/promises";
import { connect, createServer, type Server, type Socket } from "node:net";
import { dirname, join } from "node:path";
import { type Clock, DomainError, type Logger } from "@skep/model";
import { type ContainerStart, describeStart, parseState } from "./container-start.ts";
import { readLine } from "./read-line.ts";

/** Where the hook asks when it is not told otherwise; each node has a /run of its own. */
export const defaultRuntimeSocket = "/run/skep/runtime.sock";

export interface RuntimeServerOptions {
  readonly socketPath: string;
  /**
   * Attaches a container; its first instruction waits for that. When it rejects, the container does not start, and the
   * engine shows the `DomainError`'s message. `signal` aborts when nobody waits any more. It may be called again for a
   * container whose attachment was interrupted, and must not ask the engine about the container: the engine holds it
   * locked while it starts.
   */
  readonly onStart: (start: ContainerStart, signal: AbortSignal) => Promise<void>;
  readonly log: Logger;
  readonly clock: Clock;
}

/** docker's are below 1 kB, annotations included. */
const longestState = 64 << 10;
/** docker's are around 10 kB, and as long as the container's environment and mounts make them. */
const longestConfig = 8 << 20;
const requestMs = 10_000;
const mostConnections = 1024;

/** Answers the hooks of starting containers; see `libexec/hook` for their side. */
export class RuntimeServer implements AsyncDisposable {
  readonly #options: RuntimeServerOptions;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #running = new Set<Promise<void>>();
  #inode = 0n;

  private constructor(options: RuntimeServerOptions) {
    this.#options = options;
    this.#server = createServer((socket) => this.#accept(socket));
    this.#server.maxConnections = mostConnections;
  }

  /** Listens, in place of a server that has ended without tidying up; only root may connect. Rejects when one is there. */
  static async listen(options: RuntimeServerOptions): Promise<RuntimeServer> {
    const { socketPath } = options;
    if (await isAnswering(socketPath)) {
      throw new DomainError("conflict", `another skepd answers on ${socketPath}: end it first`);
    }
    const server = new RuntimeServer(options);
    await server.#listen(socketPath);
    return server;
  }

  /** It gets its name only when it answers and nobody else can reach it: a hook never meets a half-made one. */
  async #listen(socketPath: string): Promise<void> {
    const unnamed = `${socketPath}.new`;
    await mkdir(dirname(socketPath), { recursive: true });
    await rm(unnamed, { force: true });
    this.#server.listen(unnamed);
    await once(this.#server, "listening");
    await chmod(unnamed, 0o600);
    this.#inode = (await stat(unnamed, { bigint: true })).ino;
    await rename(unnamed, socketPath);
  }

  /** Starts that are under way are given up; their hooks ask the next server. */
  async close(): Promise<void> {
    const { socketPath } = this.#options;
    const named = await stat(socketPath, { bigint: true }).catch(() => undefined);
    if (named?.ino === this.#inode) await rm(socketPath, { force: true });
    const closed = once(this.#server, "close");
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
    await Promise.all([closed, ...this.#running]);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #accept(socket: Socket): void {
    this.#sockets.add(socket);
    const abort = new AbortController();
    socket.on("error", () => {}); // told by "close"
    socket.once("close", () => {
      this.#sockets.delete(socket);
      abort.abort();
    });
    const running = this.#serve(socket, abort.signal).finally(() => this.#running.delete(running));
    this.#running.add(running);
  }

  async #serve(socket: Socket, signal: AbortSignal): Promise<void> {
    const cancel = this.#options.clock.after(requestMs, () => socket.destroy());
    try {
      const line = await readLine(socket, longestState, signal);
      cancel();
      const start = await readStart(line);
      signal.throwIfAborted();
      await this.#options.onStart(start, signal);
      socket.end("ok\n");
    } catch (error) {
      if (!signal.aborted) socket.end(`refused ${this.#reason(error)}\n`);
    } finally {
      cancel();
    }
  }

  #reason(error: unknown): string {
    if (error instanceof DomainError) return error.message.replace(/\s+/g, " ").trim();
    this.#options.log.error({ err: error }, "attaching a container failed");
    return "attaching the container's networks failed inside skepd: its log has the reason";
  }
}

async function readStart(line: string): Promise<ContainerStart> {
  const state = parseState(line);
  const file = join(state.bundle, "config.json");
  try {
    return describeStart(state, await readLimited(file));
  } catch (error) {
    if (error instanceof DomainError) throw error;
    throw new DomainError("unavailable", `cannot read ${file}: ${(error as Error).message}`, { cause: error });
  }
}

async function readLimited(file: string): Promise<string> {
  await using handle = await open(file, "r");
  const { size } = await handle.stat();
  if (size > longestConfig) throw new DomainError("invalid-parameter", `${file} is longer than ${longestConfig} bytes`);
  return handle.readFile("utf8");
}

async function isAnswering(path: string): Promise<boolean> {
  const socket = connect(path);
  try {
    await once(socket, "connect");
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
