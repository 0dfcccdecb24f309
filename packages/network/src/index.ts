export type { DnsClient, DnsPorts, DnsServer, NameTarget, Zone } from "./dns/dns-server.ts";
export { parseResolvConf, type ResolvConf } from "./dns/resolv-conf.ts";
export { type DnsServerOptions, startDnsServer } from "./dns/start-dns-server.ts";
export type { Attached, AttachedInterface, NodeFacts, NodeNetwork } from "./node-network.ts";
export type { Sandbox, SandboxInterface, SandboxNames } from "./sandbox.ts";
