import {
  type Availability,
  type Clock,
  type Cluster,
  DomainError,
  isAttachment,
  isTerminal,
  millisecondsOf,
  type Node,
  type NodeRole,
  type NodeSpec,
  outOfSequence,
  rpcError,
  timestamp,
} from "@skep/model";
import type { Reader, Store, Transaction } from "@skep/store";
import { endAttachment } from "./attachments.ts";
import {
  anyOf,
  byId,
  type Filters,
  labelsMatch,
  prefixOf,
  refuseUnknownFilters,
  refuseUnknownWords,
} from "./filters.ts";
import { lookUp } from "./look-up.ts";
import { notYet, unimplemented } from "./not-yet.ts";
import { clusterOf, defaultNodeCertExpiry } from "./swarm.ts";

const knownFilters = ["id", "name", "label", "node.label", "membership", "role"];

/** The nodes that match, by id. */
export function listNodes(reader: Reader, filters: Filters): Node[] {
  refuseUnknownFilters(filters, knownFilters);
  refuseUnknownWords(filters, "role", (word) => word === "manager" || word === "worker");
  refuseUnknownWords(filters, "membership", (word) => word === "accepted" || word === "pending");
  return [...reader.all("node")]
    .filter(
      (node) =>
        prefixOf(filters, "id", node.id) &&
        prefixOf(filters, "name", node.description?.Hostname ?? "") &&
        labelsMatch(filters, "label", node.description?.Engine.Labels) &&
        labelsMatch(filters, "node.label", node.spec.Labels) &&
        anyOf(filters, "membership", (word) => word.toLowerCase() === "accepted") &&
        anyOf(filters, "role", (word) => word.toLowerCase() === node.spec.Role),
    )
    .sort(byId);
}

/** A node spec as it may be sent: the words are not checked yet. */
export interface SentNodeSpec {
  readonly Name?: string;
  readonly Labels?: NodeSpec["Labels"];
  readonly Role?: string;
  readonly Availability?: string;
}

/** Replaces a node's whole spec. Roles cannot change as long as there is one manager only. */
export async function updateNode(store: Store, text: string, version: number, sent: SentNodeSpec): Promise<void> {
  const spec = storedNodeSpec(sent);
  await store.update((tx) => {
    const node = lookUp(tx, "node", text);
    refuseRoleChange(tx, node, spec.Role);
    if (node.version !== version) throw outOfSequence();
    tx.put("node", { ...node, spec });
  });
}

function storedNodeSpec({ Name, Labels = {}, Role = "", Availability = "" }: SentNodeSpec): NodeSpec {
  const role = Role.toLowerCase();
  const availability = Availability.toLowerCase();
  if (!isRole(role)) throw invalid(`invalid Role: ${JSON.stringify(Role)}`);
  if (!isAvailability(availability)) throw invalid(`invalid Availability: ${JSON.stringify(Availability)}`);
  return { ...(Name && { Name }), Labels, Role: role, Availability: availability };
}

const isRole = (word: string): word is NodeRole => word === "worker" || word === "manager";
export const isAvailability = (word: string): word is Availability =>
  word === "active" || word === "pause" || word === "drain";
const invalid = (message: string) => new DomainError("invalid-parameter", message);

function refuseRoleChange(tx: Reader, node: Node, role: NodeRole): void {
  if (role === node.spec.Role) return;
  if (role === "manager") throw unimplemented(notYet.promotion);
  if (tx.find("node", "role", "manager").length <= 1) {
    throw rpcError("FailedPrecondition", "attempting to demote the last manager of the swarm");
  }
}

/**
 * Forgets a node: its certificate is refused from now on, and its tasks become orphaned, so that the orchestrators
 * replace them. All in one transaction, as nobody would do the rest afterwards.
 */
export async function removeNode(store: Store, clock: Clock, text: string, force: boolean): Promise<void> {
  const now = clock.now();
  await store.update((tx) => {
    const node = lookUp(tx, "node", text);
    refuseRemoval(node, force);
    const cluster = clusterOf(tx);
    if (cluster) tx.put("cluster", withBlockedNode(cluster, node, now));
    orphanTasks(tx, node, timestamp(now));
    tx.delete("node", node.id);
  });
}

function refuseRemoval(node: Node, force: boolean): void {
  if (node.spec.Role === "manager") {
    throw rpcError(
      "FailedPrecondition",
      `node ${node.id} is a cluster manager and is a member of the raft cluster. It must be demoted to worker before removal`,
    );
  }
  if (node.status.state === "ready" && !force) {
    throw rpcError("FailedPrecondition", `node ${node.id} is not down and can't be removed`);
  }
}

/** Blocked for as long as a certificate issued this instant could live; entries that have run out are dropped. */
function withBlockedNode(cluster: Cluster, node: Node, now: number): Cluster {
  const expiry = now + millisecondsOf(cluster.spec.CAConfig?.NodeCertExpiry || defaultNodeCertExpiry);
  const blocked = Object.entries(cluster.blockedNodes).filter(([, until]) => Date.parse(until) > now);
  return { ...cluster, blockedNodes: { ...Object.fromEntries(blocked), [node.id]: timestamp(expiry) } };
}

function orphanTasks(tx: Transaction, node: Node, now: string): void {
  for (const task of tx.find("task", "node", node.id)) {
    if (isAttachment(task)) endAttachment(tx, task);
    if (isAttachment(task) || isTerminal(task.status.state)) continue;
    const { runningAt } = task.status;
    const message = "Task belonged to a node that has been deleted";
    const status = { state: "orphaned", timestamp: now, message, ...(runningAt && { runningAt }) } as const;
    tx.put("task", { ...task, status });
  }
}
