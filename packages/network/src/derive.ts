import type { NetworkId, NodeId, ServiceId, TaskId } from "@skep/model";
import type { Aspect, Placed } from "./aspect.ts";
import { deriveVip } from "./balancer/vip.ts";
import { deriveGateway } from "./ingress/gateway.ts";
import { deriveHost, deriveSubnets } from "./ingress/host-rules.ts";
import { derivePort } from "./ingress/published-port.ts";
import { derivePeer } from "./ingress/replies.ts";
import type { NetworkState } from "./network-state.ts";
import { deriveContainer } from "./overlay/container.ts";
import { deriveMember, deriveRoute, deriveRouter } from "./overlay/router.ts";

/** What an aspect asks of the kernel, of the state alone. */
export function derive(state: NetworkState, aspect: Aspect): Placed[] {
  const [kind = "", first = "", second = ""] = aspect.split("/");
  switch (kind) {
    case "host":
      return deriveHost(state);
    case "gateway":
      return deriveGateway(state);
    case "router":
      return deriveRouter(state, first as NetworkId);
    case "subnets":
      return deriveSubnets(state, first as NetworkId);
    case "peer":
      return derivePeer(state, first as NodeId);
    case "member":
      return deriveMember(state, first as NetworkId, second as NodeId);
    case "route":
      return deriveRoute(state, first as NetworkId, second as TaskId);
    case "vip":
      return deriveVip(state, first as NetworkId, second as ServiceId);
    case "port":
      return derivePort(state, `${first}/${second}`);
    case "container":
      return deriveContainer(state, first);
    default:
      throw new Error(`unknown aspect ${aspect}`);
  }
}
