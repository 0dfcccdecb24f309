import type { NetworkId } from "@skep/model";

/** Tells when what was given up on a network is unknown to every node, and may be somebody else's. */
export interface ReleaseGate {
  /** Resolves when no node's kernel has anything of the network that is older than `revision`; rejects when `signal` aborts. */
  whenAcknowledged(networkId: NetworkId, revision: number, signal: AbortSignal): Promise<void>;
}
