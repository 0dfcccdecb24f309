import {
  type EndpointSpec,
  engineNetworkOf,
  engineNetworks,
  isHidden,
  isIngress,
  type Network,
  type NetworkAttachmentConfig,
  type ServiceSpec,
  type TaskSpec,
} from "@skep/model";
import type { Reader } from "@skep/store";

/** The networks a service asks for; those at the top level are where clients before API 1.25 put them. */
export const networkConfigs = ({
  TaskTemplate: task,
  Networks: networks,
}: ServiceSpec): readonly NetworkAttachmentConfig[] => (task.Networks?.length ? task.Networks : (networks ?? []));

/** What a service's tasks are made from: its template, with the networks wherever the spec has them. */
export function taskSpecOf(spec: ServiceSpec): TaskSpec {
  const networks = networkConfigs(spec);
  return networks === spec.TaskTemplate.Networks || networks.length === 0
    ? spec.TaskTemplate
    : { ...spec.TaskTemplate, Networks: networks };
}

/** True when a port is published on every node. */
export const usesIngress = (endpoint: EndpointSpec | undefined): boolean =>
  endpoint?.Mode !== "dnsrr" && endpoint?.Ports?.some((port) => (port.PublishMode ?? "ingress") === "ingress") === true;

/** All but removed ones, the engine's own not among them. */
export const liveNetworks = (reader: Reader): Network[] =>
  [...reader.all("network")].filter((network) => !isHidden(network) && !isEngineNetwork(network));

const isEngineNetwork = ({ id }: Network) => id === engineNetworks.host || id === engineNetworks.bridge;

/** It is the oldest as a rule, so it is found soon. */
export function ingressNetwork(reader: Reader): Network | undefined {
  for (const network of reader.all("network")) if (isIngress(network) && !isHidden(network)) return network;
  return undefined;
}

/** The network a stored spec names: by its id, or as an older one had it, by its name. Undefined when it was removed. */
export function findNetwork(reader: Reader, target: string): Network | undefined {
  const engine = engineNetworkOf(target);
  const known = reader.get("network", engine ? engineNetworks[engine] : target);
  if (known) return isHidden(known) ? undefined : known;
  return networkNamed(reader, target);
}

/** Names are compared regardless of case. */
export const networkNamed = (reader: Reader, name: string): Network | undefined =>
  reader.find("network", "name", name.toLowerCase()).find((network) => !isHidden(network));
