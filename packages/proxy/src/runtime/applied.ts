import { DomainError } from "@skep/model";
import { type CheckFailure, failureText } from "./alerts.ts";
import type { CertificateStep } from "./certificate-step.ts";

export interface ApplyOptions {
  /**
   * The changes since the config that was applied last; their files are in place already. Without them a changed
   * certificate list needs a reload.
   */
  readonly certificates?: readonly CertificateStep[];
  /** The runtime API would not do. */
  readonly reload?: boolean;
  /**
   * HAProxy is not asked before it loads the config, which saves a third of the time. When it refuses, the old workers
   * go on just the same, and the file is put back; only a failed reload is seen in the master's table.
   */
  readonly unchecked?: boolean;
}

/** How a config was brought to life. */
export interface Applied {
  readonly how: "unchanged" | "runtime" | "reload";
  /** Of the config that runs now; one more with each reload. */
  readonly generation: number;
  /** What was done by the runtime API, described. */
  readonly steps: readonly string[];
  readonly tookMs: number;
}

/** HAProxy refuses a config; what ran before goes on. The message is HAProxy's own. */
export class ConfigRejected extends DomainError {
  override readonly name = "ConfigRejected";
  readonly failure: CheckFailure;
  constructor(failure: CheckFailure) {
    super("invalid-parameter", failureText(failure));
    this.failure = failure;
  }
}

/** What the driver has done so far. */
export interface DriverCounts {
  readonly reloads: number;
  readonly failedReloads: number;
  /** That all reloads took together, from the signal to the proof. */
  readonly reloadSeconds: number;
  readonly runtimeChanges: number;
  /** Runtime changes that HAProxy has not carried out as it should, so that a reload had to. */
  readonly unexpectedAnswers: number;
  readonly checks: number;
  readonly failedChecks: number;
  /** Starts of HAProxy that nobody asked for. */
  readonly restarts: number;
}
