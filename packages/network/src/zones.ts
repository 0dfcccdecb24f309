import { bare, type NetworkId, type NetworkRecord, type NodeId, type ServiceId } from "@skep/model";
import { addressOn, isTarget } from "./balancer/targets.ts";
import type { NameTarget, Zone } from "./dns/dns-server.ts";
import { namesOfEndpoint, namesOfService } from "./names.ts";
import { NetworkState } from "./network-state.ts";

/** VIPs change rarely, and say so as Docker's do. */
const vipTtlSeconds = 600;
/** A task's address is told to a client for as long as it needs to connect. */
const taskTtlSeconds = 1;
const tasksPrefix = "tasks.";

/** What all names mean, on every network but the ingress. */
export function zonesOf(records: Iterable<NetworkRecord>): Zone[] {
  const state = new NetworkState("" as NodeId, 0);
  for (const record of records) state.put(record);
  return [...state.networks.keys()].flatMap((id) => zoneOf(state, id) ?? []);
}

/** Undefined for networks without names: unknown ones, and the ingress network. */
export function zoneOf(state: NetworkState, id: NetworkId): Zone | undefined {
  const network = state.networks.get(id);
  if (!network || network.ingress) return undefined;
  const names = new Map<string, NameTarget>();
  const reverse = new Map<string, string>();
  const look = (name: string) => {
    const target = names.has(name) ? undefined : lookUp(state, id, name);
    if (target) names.set(name, target);
  };
  for (const serviceId of state.servicesOnNetwork.get(id)) {
    const service = state.services.get(serviceId);
    for (const name of service ? namesOfService(service, id) : []) {
      look(name);
      look(tasksPrefix + name);
    }
  }
  for (const task of state.endpointsOnNetwork.get(id)) {
    const endpoint = state.endpoints.get(task);
    if (!endpoint || !isTarget(state, endpoint)) continue;
    for (const name of namesOfEndpoint(endpoint, id)) look(name);
    reverse.set(addressOn(endpoint, id) ?? "", endpoint.name.toLowerCase());
  }
  return { networkId: id, name: network.name.toLowerCase(), names, reverse };
}

/**
 * What one name means on a network: the answers of all that have it, merged. Undefined when nobody has; a service
 * without ready tasks has a name all the same, without addresses.
 */
export function lookUp(state: NetworkState, id: NetworkId, name: string): NameTarget | undefined {
  const addresses = new Set<string>();
  let isKnown = false;
  let ttlSeconds = vipTtlSeconds;
  const put = (found: Iterable<string>, ttl: number) => {
    isKnown = true;
    ttlSeconds = Math.min(ttlSeconds, ttl);
    for (const address of found) addresses.add(address);
  };
  for (const service of state.servicesNamed.get(`${id}/${name}`)) {
    const vip = vipOf(state, service, id);
    if (vip) put([vip], vipTtlSeconds);
    else put(taskAddresses(state, service, id), taskTtlSeconds);
  }
  if (name.startsWith(tasksPrefix))
    for (const service of state.servicesNamed.get(`${id}/${name.slice(tasksPrefix.length)}`))
      put(taskAddresses(state, service, id), taskTtlSeconds);
  for (const task of state.endpointsNamed.get(`${id}/${name}`)) {
    const endpoint = state.endpoints.get(task);
    const address = endpoint && isTarget(state, endpoint) ? addressOn(endpoint, id) : undefined;
    if (address) put([address], taskTtlSeconds);
  }
  return isKnown ? { addresses: [...addresses].sort(), ttlSeconds } : undefined;
}

/** A task's address → the name of its container. */
export function reverseOf(state: NetworkState, id: NetworkId, address: string): string | undefined {
  for (const task of state.endpointsAt.get(`${id}/${address}`)) {
    const endpoint = state.endpoints.get(task);
    if (endpoint && isTarget(state, endpoint)) return endpoint.name.toLowerCase();
  }
  return undefined;
}

const vipOf = (state: NetworkState, service: ServiceId, id: NetworkId) => {
  const vip = state.services.get(service)?.networks.find(({ networkId }) => networkId === id)?.vip;
  return vip && bare(vip);
};

function* taskAddresses(state: NetworkState, service: ServiceId, id: NetworkId): Iterable<string> {
  for (const task of state.endpointsOfService.get(service)) {
    const endpoint = state.endpoints.get(task);
    const address = endpoint && isTarget(state, endpoint) ? addressOn(endpoint, id) : undefined;
    if (address) yield address;
  }
}
