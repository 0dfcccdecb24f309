import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";

/** What a process of a test scene can be asked. */
export type Methods = Readonly<Record<string, (...args: never[]) => unknown>>;

/** The other side: answers JSON lines on stdin with JSON lines on stdout until stdin ends. */
export function serve(methods: Methods): void {
  const input = createInterface({ input: process.stdin });
  input.on("line", async (line) => {
    const { id, method, args } = JSON.parse(line) as { id: number; method: string; args: never[] };
    try {
      const value = await methods[method]?.(...args);
      process.stdout.write(`${JSON.stringify({ id, value })}\n`);
    } catch (error) {
      process.stdout.write(
        `${JSON.stringify({ id, error: error instanceof Error ? error.message : String(error) })}\n`,
      );
    }
  });
  input.on("close", () => process.exit(0));
}

/** A process of a test scene, asked by JSON lines. */
export class RemoteProcess {
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, PromiseWithResolvers<never>>();
  #last = 0;
  #errors = "";

  constructor(command: readonly string[]) {
    const [file = "", ...args] = command;
    this.#child = spawn(file, args, { stdio: ["pipe", "pipe", "pipe"] });
    this.#child.stderr?.on("data", (chunk) => {
      this.#errors += chunk;
      if (process.env.SCENE_LOG) process.stderr.write(chunk);
    });
    createInterface({ input: this.#child.stdout ?? process.stdin }).on("line", (line) => {
      const { id, value, error } = JSON.parse(line) as { id: number; value: never; error?: string };
      const waiting = this.#waiting.get(id) ?? Promise.withResolvers<never>();
      if (this.#waiting.has(id)) this.#waiting.delete(id);
      else this.#waiting.set(id, waiting); // it answers before it is asked: it says that it is ready
      if (error === undefined) waiting?.resolve(value);
      else waiting?.reject(new Error(error));
    });
    this.#child.once("exit", () => {
      for (const { reject } of this.#waiting.values()) reject(new Error(`process ended: ${this.#errors}`));
    });
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  call<T>(method: string, ...args: readonly unknown[]): Promise<T> {
    const id = ++this.#last;
    const waiting = this.#waiting.get(id) ?? Promise.withResolvers<never>();
    if (this.#waiting.has(id)) this.#waiting.delete(id);
    else this.#waiting.set(id, waiting);
    this.#child.stdin?.write(`${JSON.stringify({ id, method, args })}\n`);
    return waiting.promise;
  }

  async end(signal: NodeJS.Signals = "SIGKILL"): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = new Promise((resolve) => this.#child.once("exit", resolve));
    this.#child.kill(signal);
    await ended;
  }
}
