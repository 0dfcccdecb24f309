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

export function localLines(address: string): string[] {
  const isEgress = address.startsWith("egress");
  const device = isEgress ? `v-${address}` : veth(address);
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
