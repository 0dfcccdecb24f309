import { type Clock, pause } from "@skep/model";
import { type CopyCertificatesParts, copyCertificates } from "./copy-certificates.ts";
import { type FollowPeersParts, followPeers } from "./follow-peers.ts";

export interface FollowReplicasParts {
  readonly certificates: CopyCertificatesParts;
  readonly routes: FollowPeersParts;
  /** `DNS_LOOKUP_PAUSE_MS` */
  readonly pauseMs: number;
  readonly clock: Clock;
}

/** What the other replicas of this proxy have is here too. Until `signal` aborts. */
export async function followReplicas(
  { certificates, routes, pauseMs, clock }: FollowReplicasParts,
  signal: AbortSignal,
): Promise<void> {
  if (pauseMs > 0) await pause(clock, pauseMs, signal);
  await Promise.all([copyCertificates(certificates, signal), followPeers(routes, signal)]);
}
