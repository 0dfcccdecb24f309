import { setImmediate } from "node:timers/promises";
import type { Backend } from "../src/backend.ts";
import type { ChangeSet } from "../src/store.ts";

/** A backend whose commits wait until the test lets them succeed or fail. */
export class ManualBackend implements Backend<ChangeSet> {
  private waiting: { readonly batch: readonly ChangeSet[]; settle(error?: Error): void } | undefined;
  closed = false;

  encode(set: ChangeSet): ChangeSet {
    return set;
  }

  async gather(): Promise<void> {}

  commit(batch: readonly ChangeSet[]): Promise<void> {
    if (this.waiting) throw new Error("a commit before the last one has settled");
    return new Promise((resolve, reject) => {
      this.waiting = { batch, settle: (error) => (error ? reject(error) : resolve()) };
    });
  }

  async close(): Promise<void> {
    this.closed = true;
  }

  /** Ends the commit that waits; returns the revisions that were in it. */
  async settle(error?: Error): Promise<number[]> {
    await setImmediate();
    const waiting = this.waiting;
    this.waiting = undefined;
    waiting?.settle(error);
    await setImmediate();
    return (waiting?.batch ?? []).map(({ revision }) => revision);
  }
}
