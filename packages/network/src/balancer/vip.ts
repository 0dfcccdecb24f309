import { bare, type NetworkId, type ServiceId } from "@skep/model";
import { at, type Placed } from "../aspect.ts";
import type { NetworkState } from "../network-state.ts";
import { hasRouter, placeOf } from "../overlay/presence.ts";
import { routerTable } from "../overlay/router.ts";
import { targetsOf } from "./targets.ts";

/** A service's virtual address in the router of its clients: every port and protocol goes on to one of its targets. */
export function deriveVip(state: NetworkState, networkId: NetworkId, id: ServiceId): Placed[] {
  const service = state.services.get(id);
  const address = service?.networks.find((network) => network.networkId === networkId)?.vip;
  const network = state.networks.get(networkId);
  if (!service || !address || !network || network.ingress || !hasRouter(state, networkId)) return [];
  const vip = bare(address);
  const chain = `svc_${vip.replaceAll(".", "_")}`;
  const table = routerTable;
  return at(placeOf(network), [
    {
      kind: "balancer",
      table,
      name: chain,
      // without targets a packet is refused before it is remembered: nothing has to be forgotten when there are some
      targets: targetsOf(state, id, networkId),
    },
    { kind: "element", table, set: "vips", key: vip },
    { kind: "element", table, set: "svc", key: vip, value: `goto ${chain}` },
  ]);
}
