import { release } from "node:os";
import { bare } from "./swarm-model.ts";
import type { NodeView, PortView } from "./swarm-state.ts";

// What belongs to one peer, one container or one port, as `observed.ts` tells it.

const hex = (address: string) =>
  bare(address)
    .split(".")
    .map((octet) => Number(octet).toString(16).padStart(2, "0"));
export const peerMac = (address: string) => ["02:58", ...hex(address)].join(":");
const containerMac = (address: string) => ["02:42", ...hex(address)].join(":");
export const veth = (address: string) => `v${hex(address).join("")}`;
const routerMac = "02:53:00:00:00:01";
export const probe = (index: number) => `169.254.${128 + (index >> 8)}.${index & 255}`;

export const peerLines = ({ Status: { Addr } }: NodeView) => [
  `neighbour ${Addr} vx0 ${peerMac(Addr)}`,
  `fdb ${peerMac(Addr)} vx0 ${Addr}`,
];

const isEgressAddress = (address: string) => address.startsWith("egress");
const deviceOf = (address: string) => (isEgressAddress(address) ? `v-${address}` : veth(address));

/** Where connections by way of the gateway router are passed on, and what marks them, on kernels that can. */
export function shortcutLines(containers: readonly string[], peers: ReadonlyMap<number, string>): string[] {
  const [major = 0, minor = 0] = release().split(/[.-]/).map(Number);
  if (major < 5 || (major === 5 && minor < 14)) return [];
  const number = (address: string) => address.split(".").reduce((sum, octet) => sum * 256 + Number(octet), 0);
  return [
    "set ip skep ways",
    "chain ip skep shortcut",
    "element ip skep ways 0 : 4294967295",
    ...[...peers].map(([index, address]) => `element ip skep ways ${index} : ${number(address)}`),
    ...["up0", "vx0", ...containers.map(deviceOf)].map((device) => `clsact ${device}`),
  ];
}

export function localLines(address: string): string[] {
  const isEgress = isEgressAddress(address);
  const device = deviceOf(address);
  return [
    `link ${device} ${routerMac} up`,
    `route ${address} dev ${device}`,
    `neighbour ${address} ${device} ${isEgress ? "mac" : containerMac(address)}`,
    `element ip skep hairpin ${address} . ${address}`,
  ];
}

export function hostPortLines(map: string, port: PortView, address: string | undefined): string[] {
  const { Protocol, PublishedPort, TargetPort } = port;
  const chain = `host_${Protocol}_${PublishedPort}`;
  return [
    `element ip skep ${map} ${Protocol} . ${PublishedPort} : goto ${chain}`,
    `balancer ip skep ${chain} → ${address?.startsWith("egress") ? "egress" : address}:${TargetPort}`,
  ];
}
