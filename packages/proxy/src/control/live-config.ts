import type { Rendered } from "../render/rendered.ts";
import type { ProxyService } from "../service/index.ts";

/** HAProxy, as the controller needs it. */
export interface LiveConfig {
  /**
   * Makes the best of these services live: of each its first version that HAProxy takes. Resolves when it is, with what
   * HAProxy did not take; rejects when nothing could be changed.
   */
  apply(services: readonly Versions[], render: (services: readonly ProxyService[]) => Rendered): Promise<Applied>;
}

/** The versions of a service, the wanted one first; the others are what it falls back to. */
export interface Versions {
  readonly serviceName: string;
  readonly versions: readonly ProxyService[];
  /** The first version is the one that is live. */
  readonly proven: boolean;
}

export interface Applied {
  readonly rendered: Rendered;
  /** HAProxy's own words about the wanted versions that it did not take. */
  readonly rejected: ReadonlyMap<string, string>;
}

/** Why a change is not live: HAProxy does not take it, or could not be told. */
export class RejectedRoute extends Error {
  override readonly name = "RejectedRoute";
  /** The service is at fault, and nothing has changed. */
  readonly refused: boolean;
  constructor(reason: string, refused: boolean) {
    super(reason);
    this.refused = refused;
  }
}
