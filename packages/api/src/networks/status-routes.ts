import type { NetworkProgress } from "@skep/manager";
import { DomainError, isIngress } from "@skep/model";
import type { MergedRoute } from "../merged/merged-route.ts";
import type { NetworkContext } from "../merged/networks.ts";
import { requireManager, whyNoManager } from "../require-manager.ts";
import type { SwarmNode } from "../swarm-node.ts";
import type { ShownNetwork } from "../wire/render-network.ts";
import { membersOf } from "./inspect-route.ts";
import { knownNetworks } from "./known-networks.ts";
import { renderNetworkVersions } from "./render-versions.ts";

/** For skep's own CLI: how far the swarm is with its networks, and what this node makes of them. */
export const statusRoutes = ({ swarm }: NetworkContext): MergedRoute[] => [
  {
    method: "GET",
    path: "/skep/network/status",
    handle() {
      const manager = requireManager(swarm);
      const progress = manager.networkProgress();
      const networks = knownNetworks(swarm).map((network) => renderStatus(swarm, network, progress));
      return { status: 200, json: { Revision: progress.revision, Networks: networks } };
    },
  },
  {
    method: "GET",
    path: "/skep/network/local",
    handle() {
      const node = swarm.networks();
      if (!node) throw new DomainError("unavailable", whyNoManager(swarm.status()));
      return {
        status: 200,
        json: {
          Revision: node.revision,
          Networks: node.overlays().map(({ id, name, vni, subnets }) => ({
            ID: id,
            Name: name,
            VNI: vni,
            Subnets: subnets.map(({ subnet }) => subnet),
            Containers: node.endpointsOn(id).length,
          })),
          Sandboxes: node.sandboxes(),
          Problems: node.problems(),
        },
      };
    },
  },
];

function renderStatus(swarm: SwarmNode, network: ShownNetwork, progress: NetworkProgress) {
  const members = membersOf(swarm, network);
  return {
    ID: network.id,
    Name: network.spec.Name,
    VNI: network.vni,
    Subnets: network.subnets.map(({ subnet }) => subnet),
    Ingress: isIngress(network),
    ...renderNetworkVersions(progress, network),
    Services: members.services.map(({ name, vip, ports }) => ({
      Name: name,
      VIP: vip ?? "",
      Ports: ports.map(({ protocol, published, target }) => `${published}:${target}/${protocol}`),
      Targets: members.endpoints
        .filter(({ service }) => service === name)
        .map(({ name: task, address, state }) => ({ Task: task, Address: address, State: state })),
    })),
  };
}
