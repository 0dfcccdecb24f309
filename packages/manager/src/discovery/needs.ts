import { type EndpointRecord, type NetworkId, type Node, networkIdsOf } from "@skep/model";
import type { NodeLink } from "./node-link.ts";

/** One node has to have acknowledged this revision. */
export interface Need {
  readonly link: NodeLink;
  readonly revision: number;
}

/** Who has to know an endpoint as it is since `changedAt`: its own node, and those with one of its networks. */
export function needsOfEndpoint(
  record: EndpointRecord,
  changedAt: number,
  own: NodeLink | undefined,
  holdersOf: (networkId: NetworkId) => Iterable<NodeLink>,
): Need[] {
  const needs = new Map<NodeLink, number>(own && [[own, changedAt]]);
  for (const networkId of networkIdsOf(record)) {
    for (const link of holdersOf(networkId)) {
      // Who came to the network later was told then.
      const since = link.holding(networkId)?.since ?? 0;
      needs.set(link, Math.max(needs.get(link) ?? 0, changedAt, since));
    }
  }
  return [...needs].map(([link, revision]) => ({ link, revision }));
}

/** Who may have something of the network in its kernel that is older than `revision`. */
export const needsOfNetwork = (links: Iterable<NodeLink>, networkId: NetworkId, revision: number): Need[] =>
  [...links]
    .filter((link) => link.holding(networkId) || link.acknowledgedRevision === 0)
    .map((link) => ({ link, revision: link.neededFor(networkId, revision) }));

/** Resolves when each need is met, or its node excepted; looks again only when a node has got on. */
export async function allMet(
  needs: readonly Need[],
  isExcepted: (link: NodeLink) => boolean,
  signal: AbortSignal,
): Promise<void> {
  // One after the other: who was already passed stays acknowledged.
  for (const { link, revision } of needs)
    while (link.acknowledgedRevision < revision && !isExcepted(link)) await link.progress.next(signal);
}

/** Removed, down, or not there yet: a node that never had a session has nothing in its kernel. */
export const isAway = (node: Node | undefined): boolean =>
  !node || node.status.state === "down" || node.description === undefined;
