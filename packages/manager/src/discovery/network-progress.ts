import type { NetworkId, NetworkProblem, Node, NodeId } from "@skep/model";
import type { NodeLink } from "./node-link.ts";
import type { RecordIndex } from "./record-index.ts";

/** How far one node's data plane is, as revisions of the store. */
export interface NodeNetworkProgress {
  readonly nodeId: NodeId;
  readonly hostname: string;
  readonly state: Node["status"]["state"];
  /** It has a session: what is behind is under way. */
  readonly connected: boolean;
  /** The newest it was told of; 0 before its first session with this manager. */
  readonly sentRevision: number;
  /** The newest its kernel is known to have; 0 while it has said nothing to this manager. */
  readonly acknowledgedRevision: number;
  /** Since the oldest was sent that it has not acknowledged; 0 when there is none. */
  readonly lagMs: number;
  /** What it cannot carry out, as of `acknowledgedRevision`. */
  readonly problems: readonly NetworkProblem[];
}

/** The same for one network: a node may be behind with others only. */
export interface NetworkNodeProgress extends NodeNetworkProgress {
  /** Nothing that has changed on this network is missing in its kernel. */
  readonly upToDate: boolean;
}

export interface OneNetworkProgress {
  readonly networkId: NetworkId;
  readonly name: string;
  /** The newest revision that has changed anything on it. */
  readonly revision: number;
  /** The nodes that have it. */
  readonly nodes: readonly NetworkNodeProgress[];
}

export interface NetworkProgress {
  /** The revision of the store that all this is computed from. */
  readonly revision: number;
  readonly nodes: readonly NodeNetworkProgress[];
  readonly networks: readonly OneNetworkProgress[];
}

export function describeProgress(
  index: RecordIndex,
  links: ReadonlyMap<NodeId, NodeLink>,
  nowMs: number,
): NetworkProgress {
  const nodes = new Map<NodeLink, NodeNetworkProgress>();
  for (const link of links.values()) nodes.set(link, describeNode(link, index.nodes.get(link.nodeId), nowMs));
  const networks = [...index.networks()].map(
    ({ id, name }): OneNetworkProgress => ({
      networkId: id,
      name,
      revision: index.touchedAt(id),
      nodes: [...nodes].flatMap(([link, node]) => (link.holding(id) ? describeOn(link, node, id, index.revision) : [])),
    }),
  );
  return { revision: index.revision, nodes: [...nodes.values()], networks };
}

const describeNode = (link: NodeLink, node: Node | undefined, nowMs: number): NodeNetworkProgress => ({
  nodeId: link.nodeId,
  hostname: node?.description?.Hostname ?? "",
  state: node?.status.state ?? "unknown",
  connected: link.session !== undefined,
  sentRevision: link.records?.sentRevision ?? 0,
  acknowledgedRevision: link.acknowledgedRevision,
  lagMs: link.records?.waitingSinceMs === undefined ? 0 : Math.max(nowMs - link.records.waitingSinceMs, 0),
  problems: link.problems,
});

function describeOn(link: NodeLink, node: NodeNetworkProgress, networkId: NetworkId, revision: number) {
  const upToDate = link.hasAcknowledged(networkId, revision);
  return { ...node, upToDate, lagMs: upToDate ? 0 : node.lagMs };
}
