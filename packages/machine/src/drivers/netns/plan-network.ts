import { linkOf, type Machine, namespaceOf } from "../../machine.ts";
import { gatewayOf, macOf, parseSubnet } from "../../subnet.ts";

/** A program and its arguments. */
export type Command = readonly string[];

/** A link of this machine, as far as plans look at it. */
export interface Link {
  readonly isUp: boolean;
  /** The bridge it is a port of. */
  readonly master?: string;
}

/** The links of this machine and the network namespaces there are, by name. */
export interface NetworkState {
  readonly links: ReadonlyMap<string, Link>;
  readonly namespaces: ReadonlySet<string>;
  /** Names of namespaces that are a file only: `ip netns add` was killed before it had mounted one there. */
  readonly emptyNames: ReadonlySet<string>;
}

/*
 * Whoever applies a plan may be killed after any of its commands. So the last one is what tells that all were done, and the
 * plan for what is half made has those again that may be repeated.
 */

/** What makes the bridge of a root, its link named like the prefix; empty when it is there, and up. */
export function planBridge(prefix: string, subnet: string, state: NetworkState): Command[] {
  const bridge = state.links.get(prefix);
  if (bridge?.isUp) return [];
  const network = parseSubnet(subnet);
  const gateway = gatewayOf(network);
  const add: Command = ["ip", "link", "add", prefix, "address", macOf(gateway), "type", "bridge"];
  return [
    ...(bridge === undefined ? [add] : []),
    ["ip", "address", "replace", `${gateway}/${network.bits}`, "dev", prefix],
    ["ip", "link", "set", prefix, "up"],
  ];
}

/** What joins a node to the bridge: its namespace and a veth pair, `eth0` inside; empty when it is a port of the bridge. */
export function planNode(machine: Machine, state: NetworkState): Command[] {
  const namespace = namespaceOf(machine);
  const link = linkOf(machine);
  const hasNamespace = state.namespaces.has(namespace);
  const found = state.links.get(link);
  if (hasNamespace && found?.master === machine.prefix) return [];
  const isStray = found !== undefined && !hasNamespace;
  return [
    ...(isStray ? removeLink(link) : []),
    ...(state.emptyNames.has(namespace) ? removeNamespace(namespace) : []),
    ...(hasNamespace ? [] : [["ip", "netns", "add", namespace]]),
    ...(found === undefined || isStray ? [addLink(machine)] : []),
    ...setUpLink(machine),
  ];
}

const addLink = (machine: Machine): Command => [
  ...["ip", "link", "add", linkOf(machine), "type", "veth"],
  ...["peer", "name", "eth0", "address", macOf(machine.address), "netns", namespaceOf(machine)],
];

function setUpLink(machine: Machine): Command[] {
  const subnet = parseSubnet(machine.subnet);
  const inside: Command = ["ip", "-n", namespaceOf(machine)];
  return [
    [...inside, "address", "replace", `${machine.address}/${subnet.bits}`, "dev", "eth0"],
    [...inside, "link", "set", "lo", "up"],
    [...inside, "link", "set", "eth0", "up"],
    [...inside, "route", "replace", "default", "via", gatewayOf(subnet)],
    ["ip", "link", "set", linkOf(machine), "master", machine.prefix, "up"],
  ];
}

const removeLink = (link: string): Command[] => [["ip", "link", "delete", link]];
const removeNamespace = (namespace: string): Command[] => [["ip", "netns", "delete", namespace]];

/** What takes a node off the machine again. The link goes first: a namespace's own links vanish some time after it. */
export function planNodeRemoval(
  names: { readonly namespace: string; readonly link?: string },
  state: NetworkState,
): Command[] {
  const { link, namespace } = names;
  return [
    ...(link !== undefined && state.links.has(link) ? removeLink(link) : []),
    ...(state.namespaces.has(namespace) || state.emptyNames.has(namespace) ? removeNamespace(namespace) : []),
  ];
}

export const planBridgeRemoval = (prefix: string, state: NetworkState): Command[] =>
  state.links.has(prefix) ? removeLink(prefix) : [];
