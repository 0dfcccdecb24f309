import { liveNetworks } from "@skep/manager";
import type { NetworkId } from "@skep/model";
import type { NodeNetworks } from "../node-networks.ts";
import type { SwarmNode } from "../swarm-node.ts";
import { type LocalUse, type ShownNetwork, shownOverlay } from "../wire/render-network.ts";

/**
 * The networks of the swarm that `docker network ls` shows on this node, by id: on managers all, on other nodes those
 * that a container of the node is on, and the ingress network (`swarm-api.md` 2.5).
 */
export function knownNetworks(swarm: SwarmNode): readonly ShownNetwork[] {
  const manager = swarm.manager();
  if (manager) return liveNetworks(manager.store.view()).sort(byId);
  const node = swarm.networks();
  if (!node) return [];
  return node
    .overlays()
    .filter(({ id, ingress }) => ingress || node.endpointsOn(id).length > 0)
    .map(shownOverlay)
    .sort(byId);
}

/** Those that a container of this node may be attached to by hand: it need not have been used here before. */
export function attachableNetworks(swarm: SwarmNode): readonly ShownNetwork[] {
  if (swarm.manager()) return knownNetworks(swarm);
  return (swarm.networks()?.overlays() ?? []).map(shownOverlay);
}

/** What a node shows of its own use of a network; undefined when it does not use it. */
export function localUse(node: NodeNetworks | undefined, networkId: NetworkId): LocalUse | undefined {
  const overlay = node?.overlays().find(({ id }) => id === networkId);
  if (!node || !overlay) return undefined;
  const endpoints = node.endpointsOn(networkId);
  if (endpoints.length === 0 && !overlay.ingress) return undefined;
  return {
    containers: Object.fromEntries(
      endpoints
        .toSorted((a, b) => (a.containerId < b.containerId ? -1 : 1))
        .map(({ containerId, name, endpointId, mac, address }) => [
          containerId,
          { Name: name, EndpointID: endpointId, MacAddress: mac, IPv4Address: address, IPv6Address: "" },
        ]),
    ),
    peers: peersOn(node, networkId, overlay.ingress),
  };
}

/** The nodes that have the network: every one has the ingress network. */
function peersOn(node: NodeNetworks, networkId: NetworkId, ingress: boolean): LocalUse["peers"] {
  const has = new Set(
    node
      .endpoints()
      .filter(({ networks }) => networks.some((on) => on.networkId === networkId))
      .map(({ nodeId }) => nodeId),
  );
  return node
    .peers()
    .filter(({ id }) => ingress || has.has(id))
    .map(({ id, address }) => ({ Name: id.slice(0, 12), IP: address }))
    .sort((a, b) => (a.IP < b.IP ? -1 : 1));
}

const byId = (a: ShownNetwork, b: ShownNetwork) => (a.id < b.id ? -1 : 1);
