import {
  compareTaskStates,
  engineNetworkOf,
  isAttachment,
  isIngress,
  isTerminal,
  type Network,
  type Service,
  type Task,
} from "@skep/model";
import type { Reader } from "@skep/store";
import { networkConfigs, usesIngress } from "../allocator/networks-of.ts";

export interface NetworkUser {
  readonly kind: "service" | "task";
  readonly id: string;
}

/**
 * Who keeps the network from being removed: a service that asks for it, or a task that is to go on. Tasks on their way
 * out, of services that are gone already, do not.
 */
export function networkUser(reader: Reader, network: Network): NetworkUser | undefined {
  for (const service of reader.all("service")) {
    if (asksFor(service, network)) return { kind: "service", id: service.id };
  }
  for (const { owner, releasedAt } of reader.find("address", "network", network.id)) {
    const task = owner.kind === "task" && releasedAt === undefined ? reader.get("task", owner.id) : undefined;
    if (task && isToStay(reader, task)) return { kind: "task", id: task.id };
  }
  return undefined;
}

const asksFor = ({ spec }: Service, network: Network): boolean =>
  isIngress(network)
    ? usesIngress(spec.EndpointSpec)
    : networkConfigs(spec).some(({ Target }) => Target === network.id);

function isToStay(reader: Reader, task: Task): boolean {
  if (isTerminal(task.status.state) || compareTaskStates(task.desiredState, "running") > 0) return false;
  return isAttachment(task) || reader.get("service", task.serviceId) !== undefined;
}

/** The engine's own networks are always somebody's. */
export const isUsed = (reader: Reader, network: Network): boolean =>
  engineNetworkOf(network.id) !== undefined || networkUser(reader, network) !== undefined;
