import type { NodeId, Task } from "@skep/model";
import { type Context, whereabouts } from "./context.ts";
import { mayRestart, mustRunAgain } from "./policy.ts";
import type { Seat } from "./seat.ts";
import { type Slot, slotOf } from "./slot.ts";

/** Which slots a service of `replicas` has, which it gets and which it loses (`swarm-api.md` section 12). */
export function seatReplicas(slots: ReadonlyMap<string, Slot>, replicas: number, context: Context): Seat[] {
  const inNumberOrder = [...slots.values()].sort((a, b) => a.number - b.number);
  const occupied = inNumberOrder.filter((slot) => isOccupied(slot, context));
  const kept = new Set(occupied.length > replicas ? mostWorthKeeping(occupied, replicas, context) : occupied);
  const filled = freeSlots(replicas - kept.size, occupied, slots);
  const refilled = new Set(filled);
  return [
    ...inNumberOrder.flatMap((slot): Seat[] => {
      if (refilled.has(slot)) return [];
      return kept.has(slot)
        ? [{ want: "keep", slot, updatable: true }]
        : [{ want: "remove", slot, reason: "scaled-down" }];
    }),
    ...filled.map((slot): Seat => ({ want: "fill", slot, atOnce: true })),
  ];
}

/** True for a slot with a task, and for one whose last task the restart policy does not let be followed by another. */
export const isOccupied = (slot: Slot, context: Context): boolean => slot.live.length > 0 || isFinished(slot, context);

/** For a slot without a task to run: who ends its last one for another reason makes a new one, or removes the slot. */
const isFinished = ({ tasks }: Slot, { service }: Context): boolean =>
  tasks.some((task) => task.desiredState === "shutdown" && !mayRestart(task, tasks)) && !mustRunAgain(tasks, service);

/** The lowest free numbers, with what is left of their former tasks. */
function freeSlots(count: number, occupied: readonly Slot[], slots: ReadonlyMap<string, Slot>): Slot[] {
  const taken = new Set(occupied.map(({ number }) => number));
  const free: Slot[] = [];
  for (let number = 1; free.length < count; number++) {
    if (!taken.has(number)) free.push(slots.get(`${number}`) ?? slotOf(`${number}`, []));
  }
  return free;
}

/** Keeps what runs rather than what does not, and evens out the nodes: each gives from its surplus first. */
function mostWorthKeeping(slots: readonly Slot[], count: number, context: Context): Slot[] {
  const onNode = new Map<NodeId, number>();
  const ranked = slots.map((slot) => {
    const running = slot.live.find((task) => runs(task, context));
    if (!running?.nodeId) return { slot, rank: Number.POSITIVE_INFINITY };
    const rank = onNode.get(running.nodeId) ?? 0;
    onNode.set(running.nodeId, rank + 1);
    return { slot, rank };
  });
  return ranked
    .sort((a, b) => (a.rank === b.rank ? a.slot.number - b.slot.number : a.rank - b.rank))
    .slice(0, count)
    .map(({ slot }) => slot);
}

const runs = (task: Task, context: Context) =>
  task.status.state === "running" && whereabouts(task, context) === "reachable";
