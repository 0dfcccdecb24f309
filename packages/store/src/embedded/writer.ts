import { Worker } from "node:worker_threads";
import type { Reply, Request, Rows } from "./protocol.ts";

interface Asked {
  resolve(reply: Reply): void;
  reject(reason: unknown): void;
}

/** The main thread's end of the writer thread. */
export class Writer {
  private readonly worker: Worker;
  private readonly asked: Asked[] = [];
  private readonly died = new AbortController();
  /** Resolves when the file is open, or says why it is not. */
  readonly opening: Promise<Reply>;

  constructor(path: string) {
    this.worker = new Worker(new URL("./writer-thread.ts", import.meta.url), {
      name: "store",
      workerData: path,
      execArgv: [],
      // Rows pass through and are garbage at once: a small nursery is enough, and keeps the thread's memory small.
      resourceLimits: { maxYoungGenerationSizeMb: 4 },
    });
    this.opening = this.reply();
    this.worker.on("message", (reply: Reply) => this.asked.shift()?.resolve(reply));
    this.worker.on("error", (err) => this.die(err));
    this.worker.on("exit", (code) => this.die(new Error(`it ended with code ${code}`)));
  }

  /** Aborts when the thread has ended, with the reason why. */
  get ended(): AbortSignal {
    return this.died.signal;
  }

  stage(rows: Rows): void {
    this.send({ do: "stage", rows });
  }

  /** Rejects when the thread has ended. */
  async ask(request: Exclude<Request, { readonly do: "stage" }>): Promise<Reply> {
    this.ended.throwIfAborted();
    this.send(request);
    return await this.reply();
  }

  async terminate(): Promise<void> {
    await this.worker.terminate();
  }

  private send(request: Request): void {
    this.worker.postMessage(request);
  }

  private reply(): Promise<Reply> {
    return new Promise((resolve, reject) => this.asked.push({ resolve, reject }));
  }

  private die(reason: unknown): void {
    this.died.abort(reason);
    for (const { reject } of this.asked.splice(0)) reject(reason);
  }
}
