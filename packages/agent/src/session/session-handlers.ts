import type { Readable } from "node:stream";
import type {
  Assignment,
  LogOptions,
  ManagerMessage,
  NetworkProblem,
  PublishedPort,
  TakenPort,
  TaskId,
} from "@skep/model";

/** What the manager tells, in the order in which it tells it. */
export interface SessionHandlers {
  /** At the start of every session, and whenever a part of it changes. */
  readonly session: (message: Extract<ManagerMessage, { type: "session" }>) => void;
  /** Everything this node should have. The revision counts as applied when the promise resolves. */
  readonly assignments: (assignments: readonly Assignment[], revision: number) => Promise<void>;
  readonly changes: (put: readonly Assignment[], remove: readonly TaskId[], revision: number) => Promise<void>;
  /**
   * What the data plane has to know; what this node has ceased to need is among what goes. Called at once for every
   * message, in their order, so that it is taken over before assignments that follow are handed over. Resolves when the
   * kernel has it, with what it cannot carry out; rejects only by a fault of its own.
   */
  readonly network: (message: Extract<ManagerMessage, { type: "network" }>) => Promise<readonly NetworkProblem[]>;
  /** Those of the ports that a process of this node has, other than skep. */
  readonly probePorts: (
    ports: readonly Pick<PublishedPort, "protocol" | "published">[],
  ) => Promise<readonly TakenPort[]>;
  /** The signal aborts when nobody wants the log any more. */
  readonly logs: (taskId: TaskId, options: LogOptions, signal: AbortSignal) => Promise<Readable>;
  /** The certificate should be renewed now. */
  readonly renew: () => void;
}
