import type { Clock } from "@skep/model";
import { BackedStore } from "../backed-store.ts";
import type { Backend } from "../backend.ts";
import type { ChangeSet } from "../store.ts";
import { Tables } from "../tables.ts";
import { deepFreeze } from "./deep-freeze.ts";

export interface MemoryStoreOptions {
  readonly clock: Pick<Clock, "now">;
  /** Freezes every stored object, so that code which changes one in place fails at once. True unless set. */
  readonly freeze?: boolean;
}

/** A store for tests and simulations: "durable" is one turn of the microtask queue later. */
export class MemoryStore extends BackedStore<void> {
  constructor({ clock, freeze = true }: MemoryStoreOptions) {
    super(memoryBackend(freeze), new Tables(), clock);
  }
}

const memoryBackend = (freeze: boolean): Backend<void> => ({
  encode(set: ChangeSet) {
    if (freeze) for (const { after } of set.changes) deepFreeze(after);
  },
  async gather() {},
  async commit() {},
  async close() {},
});
