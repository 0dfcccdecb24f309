import { type Address, isAttachment, isHidden, isTerminal, type NetworkId, type TaskId } from "@skep/model";
import type { Reader, Transaction } from "@skep/store";

/** True while whoever took the address may use it: a service as long as there is one, a task until it has ended. */
export function isInUse(reader: Reader, { owner }: Address): boolean {
  if (owner.kind === "service") return reader.get("service", owner.id) !== undefined;
  const task = reader.get("task", owner.id);
  return task !== undefined && !isTerminal(task.status.state);
}

/** Releases what belongs to one that is gone or has ended; an attached container's task is then told of no more. */
export function releaseAbandoned(tx: Transaction, ownerId: string): void {
  for (const address of tx.find("address", "owner", ownerId)) {
    if (address.releasedAt === undefined && !isInUse(tx, address)) {
      tx.put("address", { ...address, releasedAt: tx.revision });
    }
  }
  const task = tx.get("task", ownerId as TaskId);
  if (task && isAttachment(task) && isTerminal(task.status.state)) tx.delete("task", task.id);
}

/** Lets the nodes forget a removed network once the last of its addresses is nobody's any more. */
export function releaseNetwork(tx: Transaction, id: NetworkId): void {
  const network = tx.get("network", id);
  if (!network || !isHidden(network) || network.releasedAt !== undefined) return;
  const isEmpty = tx.find("address", "network", id).every(({ releasedAt }) => releasedAt !== undefined);
  if (isEmpty) tx.put("network", { ...network, releasedAt: tx.revision });
}
