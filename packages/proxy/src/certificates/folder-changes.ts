import { type FSWatcher, watch } from "node:fs";
import { type Clock, pause } from "@skep/model";

/** A burst of events, such as of a file being written, is one change. */
const settleMs = 50;
/** Without events, as on file systems that have none, this is how late a change is seen. */
const longestWaitMs = 60_000;
const waitWithoutEventsMs = 10_000;

/** Tells that files of a folder may have changed; also of a folder that is made, or made anew, later. */
export class FolderChanges {
  readonly #folder: string;
  readonly #clock: Clock;
  #watcher: FSWatcher | undefined;
  #changed = false;
  #wake: () => void = () => {};

  constructor(folder: string, clock: Clock) {
    this.#folder = folder;
    this.#clock = clock;
    this.#open();
  }

  /** Something has changed. */
  notify(): void {
    this.#changed = true;
    this.#wake();
  }

  /** Resolves once something may have changed since the last call, at the latest after a minute, or `signal` aborts. */
  async next(signal: AbortSignal): Promise<void> {
    if (!this.#changed) await this.#event(signal);
    await pause(this.#clock, settleMs, signal);
    this.close();
    if (!signal.aborted) this.#open(); // the folder may be another one by now
    this.#changed = false;
  }

  close(): void {
    this.#watcher?.close();
    this.#watcher = undefined;
  }

  #event(signal: AbortSignal): Promise<void> {
    const woken = new AbortController();
    this.#wake = () => woken.abort();
    const waitMs = this.#watcher ? longestWaitMs : waitWithoutEventsMs;
    return pause(this.#clock, waitMs, AbortSignal.any([signal, woken.signal]));
  }

  #open(): void {
    try {
      const watcher = watch(this.#folder, { persistent: false }, () => this.notify());
      watcher.on("error", () => watcher.close());
      this.#watcher = watcher;
    } catch {
      // not there yet, or no more watches to be had: it is listed again all the same
    }
  }
}
