import { isDeepStrictEqual } from "node:util";
import { type Clock, type Node, type NodeDescription, type NodeId, type NodeStatus, timestamp } from "@skep/model";
import type { Store } from "@skep/store";

// What the dispatcher writes into node objects: how each node is, where it is seen, what it is.

/** The node has a session. Resolves with the stored node, or undefined when it was removed. */
export function markReady(
  store: Store,
  clock: Clock,
  node: { readonly id: NodeId; readonly addr: string; readonly description: NodeDescription },
): Promise<Node | undefined> {
  return store.update((tx) => {
    const stored = tx.get("node", node.id);
    if (!stored) return undefined;
    const status = entered(stored.status, { state: "ready", addr: seenAddress(stored, node.addr) }, clock);
    const ready = { ...stored, status, description: node.description };
    if (isDeepStrictEqual(ready, stored)) return stored;
    tx.put("node", ready);
    return ready;
  });
}

/** A node that was removed, or is down already, stays as it is. */
export async function markDown(store: Store, clock: Clock, nodeId: NodeId, message?: string): Promise<void> {
  await store.update((tx) => {
    const node = tx.get("node", nodeId);
    if (!node || node.status.state === "down") return;
    const next = { state: "down", addr: node.status.addr, ...(message && { message }) } as const;
    tx.put("node", { ...node, status: entered(node.status, next, clock) });
  });
}

export async function storeDescription(store: Store, nodeId: NodeId, description: NodeDescription): Promise<void> {
  await store.update((tx) => {
    const node = tx.get("node", nodeId);
    if (node && !isDeepStrictEqual(node.description, description)) tx.put("node", { ...node, description });
  });
}

/** After this manager was away: who was ready then may not be so now. */
export async function markReadyUnknown(store: Store, clock: Clock): Promise<void> {
  await store.update((tx) => {
    for (const node of [...tx.all("node")]) {
      if (node.status.state !== "ready") continue;
      tx.put("node", { ...node, status: entered(node.status, { state: "unknown", addr: node.status.addr }, clock) });
    }
  });
}

const entered = (before: NodeStatus, next: Omit<NodeStatus, "since">, clock: Clock): NodeStatus => ({
  ...next,
  since: before.state === next.state && before.since ? before.since : timestamp(clock.now()),
});

/** A manager's own agent comes through the loopback, which is nobody else's way to it. */
function seenAddress(node: Node, addr: string): string {
  const isLoopback = addr === "::1" || addr.startsWith("127.");
  return isLoopback && node.manager ? node.manager.addr.replace(/:\d+$/, "").replace(/^\[(.*)\]$/, "$1") : addr;
}
