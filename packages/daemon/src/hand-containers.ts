import {
  type ContainerNetworks,
  type ContainerRecords,
  ndotsOf,
  type ResolverDefaults,
  resolverConfig,
} from "@skep/agent";
import type { ContainerNetworks as HandContainers, PlannedContainer } from "@skep/api";
import { runtimeName } from "@skep/runtime";

interface Parts {
  readonly containers: Pick<ContainerNetworks, "connections" | "requireRuntime">;
  readonly records: ContainerRecords;
  readonly resolverDefaults: () => ResolverDefaults;
}

/** What the API has done with containers that operators attach. */
export const handContainers = ({ containers, records, resolverDefaults }: Parts): HandContainers => ({
  async hostConfig(dnsSearch, dnsOptions) {
    await containers.requireRuntime();
    return { Runtime: runtimeName, NetworkMode: "none", ...resolverConfig(dnsSearch, dnsOptions, resolverDefaults()) };
  },

  async plan(containerId, { name, asked, networks, hostPorts, servers, dnsOptions }: PlannedContainer) {
    const Runtime = await containers.requireRuntime();
    records.put({
      ...{ containerId, name, interfaces: [], byHand: networks, hostPorts, servers },
      ...ndotsOf(dnsOptions),
      asked: { ...asked, Runtime },
    });
  },

  connect: (networkId, { container, aliases, address }) =>
    containers.connections.connect(container, {
      networkId,
      aliases: [...new Set(aliases)],
      ...(address !== undefined && { address }),
    }),

  throughEngine: (container, change) => containers.connections.throughEngine(container, change),

  disconnect: (networkId, { container, force }) => containers.connections.disconnect(container, networkId, force),
});
