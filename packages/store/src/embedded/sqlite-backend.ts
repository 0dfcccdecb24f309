import { DomainError, type Logger } from "@skep/model";
import type { Backend } from "../backend.ts";
import type { ChangeSet } from "../store.ts";
import { describeFailure } from "./describe-failure.ts";
import type { Reply, Rows } from "./protocol.ts";
import { Writer } from "./writer.ts";

/** A change set as the writer thread takes it. */
export interface EncodedSet {
  readonly revision: number;
  readonly rows: Rows;
}

/** So many cells go over in one message: what the thread holds at a time stays small, however big the transaction. */
const maxCells = 4 * 1000;

/** Commits batches to a SQLite file in a thread of their own, so that waiting for the disk blocks nobody. */
export class SqliteBackend implements Backend<EncodedSet> {
  private readonly path: string;
  private readonly logger: Logger;
  private readonly writer: Writer;
  private readonly brokenBy = new AbortController();
  private failing = false;
  private closing = false;

  private constructor(path: string, logger: Logger) {
    this.path = path;
    this.logger = logger;
    this.writer = new Writer(path);
    this.writer.ended.addEventListener("abort", () => this.writerEnded());
  }

  /** Opens the file, and gives each stored object's kind and JSON to `load`. Throws a `DomainError`. */
  static async open(path: string, logger: Logger, load: (kind: string, json: string) => void) {
    const backend = new SqliteBackend(path, logger);
    try {
      return { backend, revision: await backend.readAll(load) };
    } catch (err) {
      backend.closing = true;
      await backend.writer.terminate();
      throw err;
    }
  }

  /** Aborts with the reason when nothing can be written any more until the daemon starts anew. */
  get broken(): AbortSignal {
    return this.brokenBy.signal;
  }

  encode({ revision, changes }: ChangeSet): EncodedSet {
    const rows = changes.flatMap(({ kind, id, after }) => [kind, id, revision, after ? JSON.stringify(after) : null]);
    return { revision, rows };
  }

  gather(): Promise<void> {
    return new Promise((resolve) => setImmediate(resolve));
  }

  async commit(batch: readonly EncodedSet[]): Promise<void> {
    this.broken.throwIfAborted();
    try {
      await this.write(batch);
      if (this.failing) this.logger.info({ path: this.path }, "store can be written again");
      this.failing = false;
    } catch (err) {
      const reason: unknown = this.broken.aborted ? this.broken.reason : err;
      if (!this.failing) this.logger.error({ path: this.path, err: reason }, "store cannot be written");
      this.failing = true;
      throw reason;
    }
  }

  async close(): Promise<void> {
    this.closing = true;
    if (!this.writer.ended.aborted) await this.writer.ask({ do: "close" });
  }

  private async readAll(load: (kind: string, json: string) => void): Promise<number> {
    const opened = this.expect("opened", await this.writer.opening);
    for (;;) {
      const { rows } = this.expect("rows", await this.writer.ask({ do: "read" }));
      if (rows.length === 0) return opened.revision;
      for (let at = 0; at < rows.length; at += 2) this.loadRow(rows[at] ?? "", rows[at + 1] ?? "", load);
    }
  }

  private loadRow(kind: string, json: string, load: (kind: string, json: string) => void): void {
    try {
      load(kind, json);
    } catch (err) {
      throw describeFailure(this.path, { reason: "damaged", message: `a ${kind} in it cannot be read: ${err}` });
    }
  }

  private async write(batch: readonly EncodedSet[]): Promise<void> {
    const rows = batch.flatMap((set) => set.rows);
    const last = Math.max(0, rows.length - maxCells);
    for (let at = 0; at < last; at += maxCells) this.writer.stage(rows.slice(at, Math.min(at + maxCells, last)));
    const reply = await this.writer.ask({
      do: "commit",
      rows: rows.slice(last),
      revision: batch.at(-1)?.revision ?? 0,
    });
    this.expect("done", reply);
  }

  private expect<Is extends Reply["is"]>(is: Is, reply: Reply): Extract<Reply, { readonly is: Is }> {
    if (reply.is === is) return reply as Extract<Reply, { readonly is: Is }>;
    if (reply.is !== "failed") throw new Error(`the store's thread answered ${reply.is}, not ${is}`);
    const error = describeFailure(this.path, reply.failure);
    if (reply.failure.reason === "unsynced") this.brokenBy.abort(error);
    throw error;
  }

  private writerEnded(): void {
    if (this.closing) return;
    const error = new DomainError(
      "unavailable",
      `the thread that writes the store ${this.path} has died: restart the daemon; nothing is written until then`,
      { cause: this.writer.ended.reason },
    );
    this.logger.error({ path: this.path, err: error }, "store writer died");
    this.brokenBy.abort(error);
  }
}
