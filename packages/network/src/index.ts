export { createNodeNetwork, type NodeNetworkOptions } from "./create-node-network.ts";
export type { DnsClient, DnsPorts, DnsServer, NameTarget, Zone } from "./dns/dns-server.ts";
export { parseResolvConf, type ResolvConf } from "./dns/resolv-conf.ts";
export { type DnsServerOptions, startDnsServer } from "./dns/start-dns-server.ts";
export type { Kernel } from "./host/kernel.ts";
export { openKernel } from "./host/open-kernel.ts";
export { subnetsOfHostRoutes } from "./host-subnets.ts";
export type { Attached, AttachedInterface, NetworkStatus, NodeFacts, NodeNetwork } from "./node-network.ts";
export type { Sandbox, SandboxInterface, SandboxNames } from "./sandbox.ts";
