import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { Clients, From } from "./clients.ts";

const script = fileURLToPath(new URL("./load.ts", import.meta.url));

export interface LoadResult {
  readonly done: number;
  /** By what went wrong; the times are when such requests were begun, since the load's start. */
  readonly failures: Readonly<
    Record<string, { readonly count: number; readonly firstMs: number; readonly lastMs: number }>
  >;
  /** Requests answered, by container. */
  readonly tasks: Readonly<Record<string, number>>;
  /** On kept connections that the server closed at the same time: sent again, as HTTP has it. */
  readonly retried: number;
  readonly slowestMs: number;
  readonly perSecond: number;
}

/** HTTP requests from somewhere, all the time, until they are ended. */
export class Load {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #result: Promise<LoadResult>;

  private constructor([file = "", ...args]: readonly string[]) {
    this.#child = spawn(file, args);
    let stdout = "";
    let stderr = "";
    this.#child.stdout.on("data", (data) => {
      stdout += data;
    });
    this.#child.stderr.on("data", (data) => {
      stderr += data;
    });
    this.#result = new Promise((resolve, reject) => {
      this.#child.once("close", (code) =>
        code === 0
          ? resolve(JSON.parse(stdout) as LoadResult)
          : reject(new Error(`load ended with ${code}: ${stderr}`)),
      );
    });
    this.#result.catch(() => {}); // told to whoever ends it
  }

  static async start(
    clients: Clients,
    from: From,
    host: string,
    port: number,
    perSecond: number,
    path = "/",
  ): Promise<Load> {
    const command = [process.execPath, "--disable-warning=ExperimentalWarning", script];
    return new Load(await clients.commandFor(from, [...command, host, `${port}`, `${perSecond}`, path]));
  }

  end(): Promise<LoadResult> {
    this.#child.stdin.end();
    return this.#result;
  }
}
