import { unreachable } from "@skep/model";
import { filterName } from "../bpf/shortcuts.ts";
import type { NamespacePath, NetlinkRequest, PolicyRule, Route } from "../kernel.ts";

/** A request as one would type it, for logs, errors and tests. */
export function describeRequest(request: NetlinkRequest): string {
  switch (request.do) {
    case "add-veth": {
      const { name, mac, mtu, peer } = request;
      const other = `peer name ${peer.name} address ${peer.mac} mtu ${peer.mtu} netns ${namespaceName(peer.in)}`;
      return `ip link add ${name} address ${mac} mtu ${mtu} type veth ${other}`;
    }
    case "add-vxlan": {
      const { name, mac, mtu, vni, local, port } = request;
      const kind = `type vxlan id ${vni} local ${local} dstport ${port} nolearning`;
      return `ip link add ${name} netns ${namespaceName(request.in)} address ${mac} mtu ${mtu} ${kind}`;
    }
    case "set-link":
      return words("ip link set", request.name, ...linkWords(request));
    case "delete-link":
      return `ip link del ${request.name}`;
    case "add-address":
      return words("ip addr add", request.address, "dev", request.device, request.noPrefixRoute && "noprefixroute");
    case "delete-address":
      return `ip addr del ${request.address} dev ${request.device}`;
    case "put-route":
      return words("ip route replace", ...routeWords(request));
    case "delete-route":
      return words("ip route del", request.destination, ...tableWords(request.table));
    case "put-neighbour":
      return `ip neigh replace ${request.address} lladdr ${request.mac} dev ${request.device} nud permanent`;
    case "delete-neighbour":
      return `ip neigh del ${request.address} dev ${request.device}`;
    case "put-fdb":
      return `bridge fdb replace ${request.mac} dev ${request.device} dst ${request.destination} self permanent`;
    case "delete-fdb":
      return `bridge fdb del ${request.mac} dev ${request.device} dst ${request.destination} self`;
    case "add-rule":
      return `ip rule add ${ruleWords(request)}`;
    case "delete-rule":
      return `ip rule del ${ruleWords(request)}`;
    case "add-clsact":
      return `tc qdisc add dev ${request.device} clsact`;
    case "put-filter":
      return `tc filter replace dev ${request.device} ${request.side} bpf direct-action name ${filterName(request.program)}`;
    default:
      return unreachable(request);
  }
}

const words = (...parts: (string | false | undefined)[]) => parts.filter(Boolean).join(" ");

/** `ip` takes a name or a process id. */
export const namespaceName = (path: NamespacePath): string =>
  /^\/(?:var\/)?run\/netns\/([^/]+)$/.exec(path)?.[1] ?? /^\/proc\/(\d+)\/ns\/net$/.exec(path)?.[1] ?? path;

const linkWords = ({ up, mtu, mac }: Extract<NetlinkRequest, { do: "set-link" }>) => [
  mac !== undefined && `address ${mac}`,
  mtu !== undefined && `mtu ${mtu}`,
  up !== undefined && (up ? "up" : "down"),
];

const routeWords = (route: Route) => [
  route.type,
  route.destination,
  route.via && `via ${route.via}`,
  route.device && `dev ${route.device}`,
  route.scope && `scope ${route.scope}`,
  route.source && `src ${route.source}`,
  route.onlink && "onlink",
  route.mtu !== undefined && `mtu ${route.mtu}`,
  ...tableWords(route.table),
];

const tableWords = (table: number | undefined) => [table !== undefined && `table ${table}`];

function ruleWords({ priority, not, mark, mask, table }: PolicyRule): string {
  const fwmark = mask === undefined ? `${mark}` : `${mark}/0x${mask.toString(16)}`;
  return words(`pref ${priority}`, not && "not", `fwmark ${fwmark}`, `lookup ${table}`);
}
