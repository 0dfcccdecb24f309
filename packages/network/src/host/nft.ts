import { Worker } from "node:worker_threads";
import { KernelError } from "./kernel.ts";
import type { NftRequest, NftResponse } from "./nft-worker.ts";

type Unnumbered<T> = T extends unknown ? Omit<T, "id"> : never;

/** Runs nft scripts one after the other on a thread of their own, which is started with the first. */
export class NftRunner {
  readonly #ports = new Map<number, readonly number[]>();
  readonly #waiting = new Map<number, PromiseWithResolvers<NftResponse>>();
  #worker: Worker | undefined;
  #last = 0;

  /** One transaction. Rejects with nft's own words. */
  async run(context: number, namespaceFd: number, script: string, watched: boolean): Promise<void> {
    const response = await this.#ask({ context, namespaceFd, script, json: false, watched });
    if (watched) this.#ports.set(context, response.ports);
    if (!response.ok) throw refusal(response.error, script);
  }

  /** The answer to a command that lists; undefined when what it asks for does not exist. */
  async json(context: number, namespaceFd: number, command: string): Promise<unknown> {
    const response = await this.#ask({ context, namespaceFd, script: command, json: true, watched: false });
    if (response.ok) return response.output === "" ? undefined : JSON.parse(response.output);
    const error = refusal(response.error, command);
    if (error.code === "ENOENT") return undefined;
    throw error;
  }

  /** Whether the changes that the kernel ascribes to a netlink port are those of a context. */
  async isOwn(port: number): Promise<boolean> {
    const known = () => [...this.#ports.values()].some((ports) => ports.includes(port));
    if (known()) return true;
    await Promise.allSettled([...this.#waiting.values()].map(({ promise }) => promise)); // the first of a context tells its ports
    return known();
  }

  /** Frees what was kept for a context, after all that was asked of it before. */
  async release(context: number): Promise<void> {
    this.#ports.delete(context);
    if (this.#worker) await this.#ask({ context, release: true });
  }

  close(): void {
    const worker = this.#worker;
    this.#worker = undefined;
    void worker?.terminate();
    this.#failAll(new KernelError("EBADF", "nft: closed"));
  }

  #ask(request: Unnumbered<NftRequest>): Promise<NftResponse> {
    const id = ++this.#last;
    const waiter = Promise.withResolvers<NftResponse>();
    this.#waiting.set(id, waiter);
    this.#worker ??= this.#start();
    this.#worker.ref(); // the process stays for the answer only
    this.#worker.postMessage({ ...request, id });
    return waiter.promise;
  }

  #start(): Worker {
    const worker = new Worker(new URL("./nft-worker.ts", import.meta.url), { name: "nft" });
    worker.on("message", (response: NftResponse) => {
      this.#waiting.get(response.id)?.resolve(response);
      this.#waiting.delete(response.id);
      if (this.#waiting.size === 0) worker.unref();
    });
    worker.on("error", (error) => {
      if (this.#worker === worker) this.#worker = undefined;
      this.#failAll(new KernelError("EIO", `nft: ${error instanceof Error ? error.message : error}`, { cause: error }));
    });
    return worker;
  }

  #failAll(error: KernelError): void {
    for (const waiter of this.#waiting.values()) waiter.reject(error);
    this.#waiting.clear();
  }
}

const codes: readonly (readonly [words: string, code: string])[] = [
  ["No such file or directory", "ENOENT"],
  ["does not exist", "ENOENT"],
  ["File exists", "EEXIST"],
  ["Device or resource busy", "EBUSY"],
  ["Operation not permitted", "EPERM"],
  ["Operation not supported", "EOPNOTSUPP"],
];

/** nft's message; of a script of several lines it quotes the first, whichever failed, so the script goes with it. */
function refusal(words: string, script: string): KernelError {
  const code = codes.find(([phrase]) => words.includes(phrase))?.[1] ?? "EINVAL";
  const context = script.trim().includes("\n") ? `\nin the script:\n${excerpt(script)}` : "";
  return new KernelError(code, `nft: ${excerpt(words)}${context}`);
}

/** As much of a text as an operator reads. */
function excerpt(text: string): string {
  const lines = text.trim().split("\n");
  const shown = lines.slice(0, 12).map((line) => (line.length > 300 ? `${line.slice(0, 300)}…` : line));
  return [...shown, ...(lines.length > shown.length ? [`… ${lines.length - shown.length} more lines`] : [])].join("\n");
}
