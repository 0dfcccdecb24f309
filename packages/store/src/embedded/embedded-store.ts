import type { AnyObject, Clock, Kind, Logger } from "@skep/model";
import { BackedStore } from "../backed-store.ts";
import { kinds } from "../index-keys.ts";
import { Tables } from "../tables.ts";
import { type EncodedSet, SqliteBackend } from "./sqlite-backend.ts";

export interface EmbeddedStoreOptions {
  readonly clock: Pick<Clock, "now">;
  readonly logger: Logger;
}

/** The store of a single manager: a SQLite file, with everything in memory besides. */
export class EmbeddedStore extends BackedStore<EncodedSet> {
  /** Aborts, with the reason, when the store can take no more writes until the daemon is restarted. */
  readonly broken: AbortSignal;

  private constructor(backend: SqliteBackend, contents: Tables, clock: Pick<Clock, "now">) {
    super(backend, contents, clock);
    this.broken = backend.broken;
  }

  /**
   * Opens the file, or makes it and its folder. Throws a `DomainError` that names the file and what to do when it is
   * damaged, written by a newer skep, in use by another process, or cannot be made.
   */
  static async open(path: string, { clock, logger }: EmbeddedStoreOptions): Promise<EmbeddedStore> {
    const contents = new Tables();
    const { backend, revision } = await SqliteBackend.open(path, logger, (kind, json) => {
      if (!isKind(kind)) throw new Error("no such kind");
      contents.load(kind, JSON.parse(json) as AnyObject);
    });
    contents.loaded(revision);
    return new EmbeddedStore(backend, contents, clock);
  }
}

const isKind = (kind: string): kind is Kind => kinds.some((known) => known === kind);
