import {
  type Constraint,
  type Node,
  nodeMatches,
  parseConstraints,
  platformMatches,
  type Service,
  type Task,
} from "@skep/model";
import type { Context } from "./context.ts";
import { mayRestart, mustRunAgain } from "./policy.ts";
import type { Seat } from "./seat.ts";
import { endedByItself, type Slot, slotOf } from "./slot.ts";

/** Which nodes a global service has tasks on: one on each that is ready, active and suits it. */
export function seatNodes(slots: ReadonlyMap<string, Slot>, nodes: Iterable<Node>, context: Context): Seat[] {
  const suits = suitability(context.service);
  const seats: Seat[] = [];
  const present = new Set<string>();
  for (const node of nodes) {
    present.add(node.id);
    const seat = seatNode(slots.get(node.id) ?? slotOf(node.id, []), node, suits(node), context);
    if (seat) seats.push(seat);
  }
  for (const slot of slots.values()) {
    if (!present.has(slot.key)) seats.push({ want: "remove", slot, reason: "node-lost" });
  }
  return seats;
}

/** The same for single nodes: those whose tasks, or who themselves, have changed. */
export function seatOf(slot: Slot, context: Context): Seat | undefined {
  const node = slot.nodeId && context.node(slot.nodeId);
  if (!node) return { want: "remove", slot, reason: "node-lost" };
  return seatNode(slot, node, suitability(context.service)(node), context);
}

function suitability({ spec }: Service): (node: Node) => boolean {
  const placement = spec.TaskTemplate.Placement ?? {};
  const constraints: readonly Constraint[] = parseConstraints(placement.Constraints ?? []);
  return (node) => nodeMatches(constraints, node) && platformMatches(placement.Platforms, node);
}

function seatNode(slot: Slot, node: Node, suitable: boolean, context: Context): Seat | undefined {
  if (!suitable) return seatEmptied(slot, "node-unsuitable");
  if (node.spec.Availability === "drain") return seatEmptied(slot, "node-drained");
  // Nothing can be moved elsewhere: what runs on a node that is down goes on when it is back, unless it is out of date.
  if (node.status.state === "down") return seatEmptied(slot, "outdated");
  const open = node.status.state === "ready" && node.spec.Availability === "active";
  if (slot.live.length > 0) return { want: "keep", slot, updatable: open };
  if (isFinished(slot, context)) return { want: "keep", slot, updatable: open };
  return open ? { want: "fill", slot, atOnce: false } : seatEmptied(slot, "node-unsuitable");
}

const seatEmptied = (slot: Slot, reason: "node-unsuitable" | "node-drained" | "outdated"): Seat | undefined =>
  slot.tasks.length === 0 ? undefined : { want: "pause", slot, reason, outdatedOnly: reason === "outdated" };

/** True when the last task that ran on the node ended by itself, and the restart policy wants no other. */
function isFinished({ tasks }: Slot, { service }: Context): boolean {
  const isDone = (task: Task) => endedByItself(task) && !mayRestart(task, tasks);
  const last = tasks.find((task) => task.status.runningAt !== undefined || isDone(task));
  return last !== undefined && isDone(last) && !mustRunAgain(tasks, service);
}
