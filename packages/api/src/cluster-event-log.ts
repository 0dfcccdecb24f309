import type { Clock, Logger } from "@skep/model";
import { HistoryGone, type Store } from "@skep/store";
import { type ClusterEvent, clusterEvents } from "./cluster-event.ts";

/** How many past events `since` can reach back to: as many as the engine keeps of its own. */
const remembered = 256;

export type ClusterEventListener = (event: ClusterEvent) => void;

/** The cluster events this node has seen as a manager: the last ones, and new ones for who listens. */
export class ClusterEventLog {
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #recent: ClusterEvent[] = [];
  readonly #listeners = new Set<ClusterEventListener>();

  constructor(clock: Clock, logger: Logger) {
    this.#clock = clock;
    this.#logger = logger;
  }

  /** Turns the store's changes from now on into events, until `signal` aborts. One call for each time a manager runs. */
  async follow(store: Store, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        for await (const changes of store.watch(store.view().revision, signal)) this.publish(changes);
        return;
      } catch (err) {
        if (!(err instanceof HistoryGone)) throw err;
        this.#logger.warn({ err }, "cluster events were lost");
      }
    }
  }

  /** Records the events of a change set and tells the listeners. */
  publish(changes: Parameters<typeof clusterEvents>[0]): void {
    for (const event of clusterEvents(changes, this.#clock.now())) this.add(event);
  }

  /** Records an event and tells the listeners. */
  add(event: ClusterEvent): void {
    this.#recent.push(event);
    if (this.#recent.length > remembered) this.#recent.shift();
    for (const listener of this.#listeners) listener(event);
  }

  /** The remembered events, oldest first. */
  recent(): readonly ClusterEvent[] {
    return [...this.#recent];
  }

  /** Calls `listener` with every new event until the returned function is called. It must not throw. */
  subscribe(listener: ClusterEventListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}
