import type { NetworkProblem } from "@skep/model";
import type { KernelKeeper } from "./kernel-keeper.ts";
import type { NetworkState } from "./network-state.ts";
import type { NetworkStatus, RepairStatus, RouterStatus } from "./node-network.ts";
import { gatewayName } from "./overlay/addresses.ts";
import { placeOf } from "./overlay/presence.ts";

export function statusOf(
  state: NetworkState,
  keeper: KernelKeeper,
  revision: number,
  problems: readonly NetworkProblem[],
  repairs: readonly RepairStatus[],
): NetworkStatus {
  const networks = new Map([...state.networks.values()].map((network) => [placeOf(network), network]));
  const routers = keeper.desired.routers.sort().map((namespace): RouterStatus => {
    const network = networks.get(namespace);
    return {
      namespace,
      network: network && { id: network.id, name: network.name },
      state: keeper.isVerified(namespace) ? "as-recorded" : "differs",
      containers:
        namespace === gatewayName ? state.outgoing.size : count(network && state.attachmentsOnNetwork.get(network.id)),
      endpoints: count(network && state.endpointsOnNetwork.get(network.id)),
      services: count(network && state.servicesOnNetwork.get(network.id)),
    };
  });
  return { revision, routers, problems, repairs: [...repairs] };
}

const count = (set: ReadonlySet<unknown> | undefined) => set?.size ?? 0;
