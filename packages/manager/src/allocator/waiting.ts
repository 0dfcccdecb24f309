import { compareTaskStates, type NetworkId, type Service, type ServiceId, type Task, type TaskId } from "@skep/model";
import type { AnyChange, Reader } from "@skep/store";
import { endpointProblem } from "./allocate-service.ts";
import { findNetwork, ingressNetwork, networkConfigs, usesIngress } from "./networks-of.ts";

/** A task that could not be given its addresses, and is still wanted. */
export const awaitsAllocation = (task: Task): boolean =>
  task.status.state === "new" && compareTaskStates(task.desiredState, "running") <= 0;

/** Who has not got yet what it needs, by service, kept up from the store's changes. */
export class Waiting {
  readonly #tasks = new Map<ServiceId, Set<TaskId>>();
  /** Their own endpoint lacks something. */
  readonly #services = new Set<ServiceId>();

  /** The services that wait, or have tasks that do. */
  get serviceIds(): ReadonlySet<ServiceId> {
    return new Set([...this.#services, ...this.#tasks.keys()]);
  }

  get size(): number {
    return this.#services.size + this.#tasks.size;
  }

  tasksOf(serviceId: ServiceId): Iterable<TaskId> {
    return this.#tasks.get(serviceId) ?? [];
  }

  apply(change: AnyChange, reader: Reader): void {
    if (change.kind === "task") this.setTask(change.id as TaskId, change.before, change.after);
    else if (change.kind === "service") this.setService(change.id as ServiceId, change.after, reader);
  }

  setService(id: ServiceId, service: Service | undefined, reader: Reader): void {
    if (service && endpointProblem(reader, service) !== undefined) this.#services.add(id);
    else this.#services.delete(id);
  }

  setTask(id: TaskId, before: Task | undefined, after: Task | undefined): void {
    const serviceId = (after ?? before)?.serviceId;
    if (serviceId === undefined) return;
    const tasks = this.#tasks.get(serviceId) ?? new Set();
    if (after && awaitsAllocation(after)) this.#tasks.set(serviceId, tasks.add(id));
    else if (tasks.delete(id) && tasks.size === 0) this.#tasks.delete(serviceId);
  }
}

/** The networks that the service, as it is now, takes addresses of. */
export function networkIdsOf(reader: Reader, { spec }: Service): Set<NetworkId> {
  const ingress = usesIngress(spec.EndpointSpec) ? ingressNetwork(reader) : undefined;
  const named = networkConfigs(spec).map(({ Target = "" }) => findNetwork(reader, Target));
  return new Set([ingress, ...named].flatMap((network) => network?.id ?? []));
}
