import { linkOf, type Machine, namespaceOf } from "../../machine.ts";
import { gatewayOf, macOf, parseSubnet } from "../../subnet.ts";

/** A program and its arguments. */
export type Command = readonly string[];

/** The links of the host and the network namespaces there are, by name. */
export interface NetworkState {
  readonly links: ReadonlySet<string>;
  readonly namespaces: ReadonlySet<string>;
}

/** What makes the bridge of a root, its link named like the prefix; empty when it is there. */
export function planBridge(prefix: string, subnet: string, state: NetworkState): Command[] {
  if (state.links.has(prefix)) return [];
  const network = parseSubnet(subnet);
  const gateway = gatewayOf(network);
  return [
    ["ip", "link", "add", prefix, "address", macOf(gateway), "type", "bridge"],
    ["ip", "address", "add", `${gateway}/${network.bits}`, "dev", prefix],
    ["ip", "link", "set", prefix, "up"],
  ];
}

/** What joins a node to the bridge: its namespace and a veth pair, `eth0` inside; only what is missing. */
export function planNode(machine: Machine, state: NetworkState): Command[] {
  const namespace = namespaceOf(machine);
  const makeNamespace: Command[] = state.namespaces.has(namespace) ? [] : [["ip", "netns", "add", namespace]];
  if (state.namespaces.has(namespace) && state.links.has(linkOf(machine))) return [];
  return [...makeNamespace, ...planLink(machine)];
}

function planLink(machine: Machine): Command[] {
  const namespace = namespaceOf(machine);
  const subnet = parseSubnet(machine.subnet);
  const inside: Command = ["ip", "-n", namespace];
  return [
    [
      ...["ip", "link", "add", linkOf(machine), "type", "veth"],
      ...["peer", "name", "eth0", "address", macOf(machine.address), "netns", namespace],
    ],
    ["ip", "link", "set", linkOf(machine), "master", machine.prefix, "up"],
    [...inside, "address", "add", `${machine.address}/${subnet.bits}`, "dev", "eth0"],
    [...inside, "link", "set", "lo", "up"],
    [...inside, "link", "set", "eth0", "up"],
    [...inside, "route", "add", "default", "via", gatewayOf(subnet)],
  ];
}

/** What takes a node off the machine again. The link goes first: a namespace's own links vanish some time after it. */
export function planNodeRemoval(
  names: { readonly namespace: string; readonly link?: string },
  state: NetworkState,
): Command[] {
  const removeLink: Command[] =
    names.link !== undefined && state.links.has(names.link) ? [["ip", "link", "delete", names.link]] : [];
  const removeNamespace: Command[] = state.namespaces.has(names.namespace)
    ? [["ip", "netns", "delete", names.namespace]]
    : [];
  return [...removeLink, ...removeNamespace];
}

export const planBridgeRemoval = (prefix: string, state: NetworkState): Command[] =>
  state.links.has(prefix) ? [["ip", "link", "delete", prefix]] : [];
