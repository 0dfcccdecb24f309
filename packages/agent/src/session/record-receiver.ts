import type { Clock, Logger, NetworkProblem, NodeId } from "@skep/model";
import { NeededRecords, type NetworkMessage } from "./needed-records.ts";

/** How long a node that could not take records over waits until it asks for all of them again. */
const startOverAfterMs = 5000;

interface RecordReceiverOptions {
  /** This node. Asked for with the first records. */
  readonly nodeId: () => NodeId;
  /** Takes the records over at once; resolves when the kernel has them. Rejects only by a fault of ours. */
  readonly takeOver: (message: NetworkMessage) => Promise<readonly NetworkProblem[]>;
  readonly applied: (revision: number, problems: readonly NetworkProblem[]) => void;
  /** Asks for a full set. */
  readonly startOver: (reason: string) => void;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Passes records on, and tells how far the kernel is; never further than everything before has come. */
export class RecordReceiver {
  readonly #options: RecordReceiverOptions;
  #needed: NeededRecords | undefined;
  /** Which full set what comes now builds upon. */
  #generation = 0;
  /** The generation in which something was not taken over: nothing after it counts. */
  #failedGeneration = -1;
  #cancelTimer: (() => void) | undefined;
  /** The newest revision told in this generation. */
  #told: number | undefined;
  #untold: { readonly revision: number; readonly problems: readonly NetworkProblem[] } | undefined;

  constructor(options: RecordReceiverOptions) {
    this.#options = options;
  }

  receive(message: NetworkMessage): void {
    if (message.full) {
      this.#generation++;
      this.#told = undefined;
      this.close();
    }
    const generation = this.#generation;
    this.#takeOver(message).then(
      (problems) => {
        if (generation !== this.#failedGeneration) this.#applied(message.revision, problems);
      },
      (err) => this.#failed(generation, message.revision, err),
    );
  }

  /** What the kernel cannot carry out has changed without new records. */
  problemsChanged(problems: readonly NetworkProblem[]): void {
    const revision = this.#untold?.revision ?? this.#told;
    if (revision !== undefined) this.#applied(revision, problems);
  }

  /** Nothing is asked for any more. */
  close(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
  }

  /** Of what the kernel got in one go only the newest is told. */
  #applied(revision: number, problems: readonly NetworkProblem[]): void {
    if (!this.#untold) queueMicrotask(() => this.#tell());
    this.#untold = { revision, problems };
  }

  #tell(): void {
    const untold = this.#untold;
    this.#untold = undefined;
    if (!untold) return;
    this.#told = untold.revision;
    this.#options.applied(untold.revision, untold.problems);
  }

  async #takeOver(message: NetworkMessage): Promise<readonly NetworkProblem[]> {
    this.#needed ??= new NeededRecords(this.#options.nodeId());
    return this.#options.takeOver(this.#needed.take(message));
  }

  #failed(generation: number, revision: number, err: unknown): void {
    this.#options.logger.error({ err, revision }, "network records could not be taken over");
    this.#failedGeneration = generation;
    if (generation !== this.#generation) return;
    this.#cancelTimer ??= this.#options.clock.after(startOverAfterMs, () => {
      this.#cancelTimer = undefined;
      this.#options.startOver("network records could not be taken over");
    });
  }
}
