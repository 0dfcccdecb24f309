import type { EndpointRecord, NetworkId, ServiceRecord } from "@skep/model";

/** What a service is called on a network, in lower case; `tasks.NAME` means its tasks. */
export function namesOfService(service: ServiceRecord, networkId: NetworkId): string[] {
  const names = service.networks
    .filter((network) => network.networkId === networkId)
    .flatMap(({ aliases }) => [service.name, ...aliases]);
  return [...new Set(names.map((name) => name.toLowerCase()))];
}

/** What one container is called on a network: its name, its short id, its own host name and aliases. */
export function namesOfEndpoint(endpoint: EndpointRecord, networkId: NetworkId): string[] {
  const { name, hostname, containerId, networks } = endpoint;
  const aliases = networks.filter((network) => network.networkId === networkId).flatMap((network) => network.aliases);
  const names = [name, ...(hostname ? [hostname] : []), ...(containerId ? [containerId.slice(0, 12)] : []), ...aliases];
  return [...new Set(names.map((each) => each.toLowerCase()))];
}
