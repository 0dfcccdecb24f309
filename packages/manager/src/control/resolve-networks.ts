import {
  DomainError,
  engineNetworkOf,
  isIngress,
  type NetworkAttachmentConfig,
  rpcError,
  type ServiceSpec,
} from "@skep/model";
import type { Reader } from "@skep/store";
import { findNetwork, ingressNetwork, networkConfigs, usesIngress } from "../allocator/networks-of.ts";
import { lookUp } from "./look-up.ts";

/** The spec with the ids of its networks in place of their names, as it is stored; so a network made anew is another one. */
export function resolveNetworks(reader: Reader, spec: ServiceSpec): ServiceSpec {
  const { TaskTemplate: task, Networks: networks } = spec;
  const resolve = (config: NetworkAttachmentConfig) => ({
    ...config,
    Target: resolveTarget(reader, config.Target ?? ""),
  });
  return {
    ...spec,
    ...(networks && { Networks: networks.map(resolve) }),
    ...(task.Networks && { TaskTemplate: { ...task, Networks: task.Networks.map(resolve) } }),
  };
}

function resolveTarget(reader: Reader, target: string): string {
  if (target === "none" || target === "docker_gwbridge") throw notOfTheSwarm(target);
  try {
    const network = lookUp(reader, "network", target);
    if (!isIngress(network)) return network.id;
  } catch (error) {
    if (!(error instanceof DomainError) || engineNetworkOf(target) === undefined) throw unknown(error);
    return target;
  }
  throw rpcError("InvalidArgument", `Service cannot be explicitly attached to the ingress network "${target}"`);
}

const notOfTheSwarm = (name: string) =>
  new DomainError(
    "forbidden",
    `The network ${name} cannot be used with services. Only networks scoped to the swarm can be used, such as those created with the overlay driver.`,
  );

/** Docker answers 500 to a spec that names an unknown network. */
function unknown(error: unknown): unknown {
  return error instanceof DomainError && error.code === "not-found"
    ? new DomainError("internal", error.message, { cause: error })
    : error;
}

/** In the transaction: a network that was removed since, and an ingress network that is not there. */
export function refuseMissingNetworks(reader: Reader, spec: ServiceSpec): void {
  for (const { Target: target = "" } of networkConfigs(spec)) {
    if (!findNetwork(reader, target) && !engineNetworkOf(target)) {
      throw new DomainError("internal", `network ${target} not found`);
    }
  }
  if (usesIngress(spec.EndpointSpec) && !ingressNetwork(reader)) {
    throw rpcError("FailedPrecondition", "service needs ingress network, but no ingress network is present");
  }
}
