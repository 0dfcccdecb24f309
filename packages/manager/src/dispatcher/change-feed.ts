import { type Clock, type Cluster, type Logger, type Node, type NodeId, pause } from "@skep/model";
import { type Change, type ChangeSet, HistoryGone, type Reader, type Store } from "@skep/store";
import { type AssignmentChange, assignmentChange } from "./assignments.ts";

/** How long the first change of a batch waits for company. */
const batchMs = 5;
const retryMs = 1000;

export interface FeedListener {
  /** What follows are the changes to this. */
  readonly started: (reader: Reader) => void;
  /** All changes of one revision, before each is told of by itself. True when there is something to flush. */
  readonly changeSet: (changeSet: ChangeSet) => boolean;
  /** A task changed for its node. Read what else is needed at once: the reader is valid only during the call. */
  readonly assignment: (change: AssignmentChange, revision: number, reader: Reader) => void;
  /** Everything that was told of so far may be sent. */
  readonly flush: () => void;
  readonly node: (nodeId: NodeId, before: Node | undefined, after: Node | undefined) => void;
  readonly cluster: (cluster: Cluster) => void;
  /** Changes were missed: everybody needs their full set, which follows from the store as it is now. */
  readonly missed: () => void;
}

/** Follows the store for all sessions together, until `signal` aborts: one watch, whatever the number of nodes. */
export async function runChangeFeed(options: {
  readonly store: Store;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly listener: FeedListener;
  readonly signal: AbortSignal;
}): Promise<void> {
  const { store, clock, logger, listener, signal } = options;
  const flusher = createFlusher(clock, () => listener.flush());
  let { revision } = store.view();
  listener.started(store.view());
  while (!signal.aborted) {
    try {
      for await (const changeSet of store.watch(revision, signal)) {
        revision = changeSet.revision;
        if (tellChanges(changeSet, store, listener)) flusher.request();
      }
    } catch (err) {
      if (signal.aborted) break;
      if (!(err instanceof HistoryGone)) {
        logger.error({ err }, "watching the store failed, starting over");
        await pause(clock, retryMs, signal);
      }
      revision = store.view().revision;
      listener.missed();
    }
  }
  flusher.cancel();
}

/** True when there is something to flush. */
function tellChanges(changeSet: ChangeSet, store: Store, listener: FeedListener): boolean {
  let hasNews = listener.changeSet(changeSet);
  const { revision } = changeSet;
  for (const change of changeSet.changes) {
    if (isOf(change, "task")) {
      const forNode = assignmentChange(change);
      if (!forNode) continue;
      listener.assignment(forNode, revision, store.view());
      hasNews = true;
    } else if (isOf(change, "node")) listener.node(change.id as NodeId, change.before, change.after);
    else if (isOf(change, "cluster") && change.after) listener.cluster(change.after);
  }
  return hasNews;
}

const isOf = <K extends Change["kind"]>(change: Change, kind: K): change is Change<K> => change.kind === kind;

function createFlusher(clock: Clock, flush: () => void) {
  let cancelTimer: (() => void) | undefined;
  return {
    request(): void {
      cancelTimer ??= clock.after(batchMs, () => {
        cancelTimer = undefined;
        flush();
      });
    },
    cancel(): void {
      cancelTimer?.();
    },
  };
}
