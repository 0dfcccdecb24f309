import type { NodeId, Service } from "@skep/model";
import { type Context, contextOf, type ServiceView } from "./context.ts";
import { seatNodes, seatOf } from "./global.ts";
import type { Plan, SlotPlan } from "./plan.ts";
import { isGlobal, replicasOf } from "./policy.ts";
import { planRemoval } from "./removal.ts";
import { isOccupied, seatReplicas } from "./replicas.ts";
import { planSeat, type Seat } from "./seat.ts";
import { groupSlots, type Slot, slotOf } from "./slot.ts";
import { awaitsUpdate, planUpdate } from "./update.ts";

/**
 * The steps that bring a service's tasks to what it asks for, and when to look again if nothing changes. Everything is
 * derived from the store's objects, restart delays and the progress of updates too: whoever plans next goes on where
 * the last one was.
 */
export function planService(view: ServiceView, now: number): Plan {
  const { service } = view;
  const slots = groupSlots(view.tasks);
  if (!service) return planRemovedService(slots.values(), view, now);
  const context = contextOf(view, service, now);
  const seats = seatsOf(view, slots, context);
  const update = planUpdate(seats.flatMap(updatable), context);
  const unfilled = seats.some(({ want }) => want === "fill");
  if (update.service && !(update.completed && unfilled)) return planWith(update.service, view, now);
  const { turns, wakeAt } = update;
  const planned = seats.map((seat) => planSeat(seat, turns?.has(seat.slot) ?? false, context)).filter(matters);
  return { slots: planned, ...(wakeAt !== undefined && { wakeAt }) };
}

/**
 * The same for a few slots of a service, from a view with only their tasks: what a single task's change asks for must
 * not cost more with more replicas. Undefined when the whole service has to be planned.
 */
export function planSlots(view: ServiceView, keys: Iterable<string>, now: number): Plan | undefined {
  const { service } = view;
  const slots = groupSlots(view.tasks);
  if (!service) return planRemovedService(slots.values(), view, now);
  const context = contextOf(view, service, now);
  const planned: SlotPlan[] = [];
  for (const key of keys) {
    const slot = slots.get(key) ?? slotOf(key, []);
    const seat = isGlobal(service) ? seatOf(slot, context) : seatAlone(slot, context);
    if (context.updating || seat === "unclear" || awaitsUpdate(slot, context)) return undefined;
    if (seat) planned.push(planSeat(seat, false, context));
  }
  return { slots: planned.filter(matters) };
}

/** A single replica's seat: one that has been given up can be told from one that must be filled by its tasks. */
function seatAlone(slot: Slot, context: Context): Seat | "unclear" {
  if (isOccupied(slot, context)) return { want: "keep", slot, updatable: true };
  const givenUp = slot.tasks.every(({ desiredState }) => desiredState === "remove");
  return givenUp ? { want: "remove", slot, reason: "scaled-down" } : "unclear";
}

function planRemovedService(slots: Iterable<Slot>, view: ServiceView, now: number): Plan {
  const place = { now, node: (id: NodeId) => view.node(id) };
  return { slots: [...slots].map((slot) => planRemoval(slot, "service-removed", place)).filter(matters) };
}

/** Plans for the service as it is to become, which the plan then writes first. */
function planWith(service: Service, view: ServiceView, now: number): Plan {
  const plan = planService({ ...view, service }, now);
  const rolledBack = service.specVersion !== view.service?.specVersion || plan.service?.rolledBack === true;
  return { ...plan, service: { do: "write-service", service: plan.service?.service ?? service, rolledBack } };
}

/** Jobs, and whatever else we do not know, are left alone. */
function seatsOf(view: ServiceView, slots: ReadonlyMap<string, Slot>, context: Context): Seat[] {
  if (isGlobal(context.service)) return seatNodes(slots, view.nodes(), context);
  const replicas = replicasOf(context.service.spec);
  return replicas === undefined ? [] : seatReplicas(slots, replicas, context);
}

const updatable = (seat: Seat): Slot[] => (seat.want === "keep" && seat.updatable ? [seat.slot] : []);
const matters = ({ steps, wakeAt }: SlotPlan) => steps.length > 0 || wakeAt !== undefined;
