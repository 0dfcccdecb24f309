import { bare, blockHolds, formatAddress, type NetworkId, parseAddress, parseBlock } from "@skep/model";

// Names and addresses that follow from others, so that nobody has to give them out.

/** The router of an overlay on this node, under `/run/netns`. */
export const routerName = (network: NetworkId): string => `${routerPrefix}${network.slice(0, 12)}`;
export const routerPrefix = "skep-";
export const gatewayName = "skep-gw";

/** The tunnel end in every router. */
export const tunnel = "vx0";
/** The link between the node's own namespace and its gateway router, and its end there. */
export const uplink = { host: "skep-up", gateway: "up0" } as const;

export const uplinkAddress = { host: "169.254.254.1", gateway: "169.254.254.2" } as const;
/** The gateway router's end of the uplink. The node's end has the address of the tunnel's: see `transitItems`. */
export const uplinkMac = "02:54:00:00:00:02";
/** The next hop of containers in the gateway router, on every node. */
export const gatewayAddress = "169.254.1.1";
/** Addresses that only their node knows, of containers that publish nothing but want out. */
export const egressPool = "100.66.0.0/16";

/** Of a router's end of every veth: containers know it without asking. */
export const routerMac = "02:53:00:00:00:01";
/** Of a node's tunnel ends: tells who sent a packet. */
export const peerMac = (address: string): string => macOf("02:58", address);
export const containerMac = (address: string): string => macOf("02:42", address);

/** A router's end of the veth to the container that has `address` there. */
export const vethName = (address: string): string => `v${octets(address).map(hex).join("")}`;
export const isVethName = (name: string): boolean => /^v[0-9a-f]{8}$/.test(name);

const macOf = (prefix: string, address: string) => [prefix, ...octets(address).map(hex)].join(":");
const octets = (address: string) => address.split(".").map(Number);
const hex = (octet: number) => octet.toString(16).padStart(2, "0");

export function contains(subnet: string, address: string): boolean {
  const [block, number] = [parseBlock(subnet), parseAddress(bare(address))];
  return block !== undefined && number !== undefined && blockHolds(block, number);
}

/** The n-th address of a subnet, bare. */
export const addressAt = (subnet: string, index: number): string =>
  formatAddress((parseBlock(subnet)?.first ?? 0) + index);

/** What VXLAN over IPv4 adds to a packet. */
export const tunnelOverhead = 50;
