import { DomainError, formatAddress } from "@skep/model";

/** An IPv4 network; addresses are unsigned 32-bit numbers. */
export interface Subnet {
  readonly network: number;
  readonly bits: number;
}

export const defaultSubnet = "192.168.99.0/24";

/** Where a free subnet is looked for: the 254 /24 networks of 10.77.0.0/16. */
export const freeSubnetCandidates: readonly string[] = Array.from({ length: 254 }, (_, i) => `10.77.${i + 1}.0/24`);

export function parseSubnet(text: string): Subnet {
  const [address = "", bitsText = ""] = text.split("/");
  const bits = Number(bitsText);
  const number = parseAddress(address);
  if (number === undefined || !/^\d+$/.test(bitsText) || bits < 16 || bits > 29) {
    throw new DomainError(
      "invalid-parameter",
      `"${text}" is not an IPv4 subnet of 16 to 29 bits: write it as ${defaultSubnet}`,
    );
  }
  const network = (number & maskOf(bits)) >>> 0;
  if (network !== number) {
    throw new DomainError(
      "invalid-parameter",
      `"${text}" names an address inside a subnet; the subnet itself is ${formatAddress(network)}/${bits}`,
    );
  }
  return { network, bits };
}

/** The number of an IPv4 address; undefined when `text` is none. */
export function parseAddress(text: string): number | undefined {
  const parts = text.split(".");
  if (parts.length !== 4 || !parts.every((part) => /^\d{1,3}$/.test(part) && Number(part) <= 255)) return undefined;
  return parts.reduce((sum, part) => sum * 256 + Number(part), 0);
}

const maskOf = (bits: number) => (bits === 0 ? 0 : (-1 << (32 - bits)) >>> 0);

/** The `index`-th address of a subnet; 1 is the bridge itself, the nodes' gateway. */
export const addressIn = (subnet: Subnet, index: number): string => formatAddress(subnet.network + index);

export const gatewayOf = (subnet: Subnet): string => addressIn(subnet, 1);

export function overlaps(a: Subnet, b: Subnet): boolean {
  const mask = maskOf(Math.min(a.bits, b.bits));
  return (a.network & mask) >>> 0 === (b.network & mask) >>> 0;
}

/**
 * Addresses for `count` more nodes: from the 11th on, so that node-1 to node-9 usually are .11 to .19, and the ones
 * before only when those are taken. Throws when the subnet is full.
 */
export function allocateIndices(subnet: Subnet, taken: ReadonlySet<number>, count: number): number[] {
  const last = 2 ** (32 - subnet.bits) - 2;
  const first = last > 11 ? 11 : 2;
  const order = Array.from({ length: last - 1 }, (_, i) => i + 2);
  const free = [...order.filter((i) => i >= first), ...order.filter((i) => i < first)].filter((i) => !taken.has(i));
  if (free.length < count) {
    throw new DomainError(
      "conflict",
      `subnet ${formatAddress(subnet.network)}/${subnet.bits} has ${free.length} addresses left, ${count} are needed: remove nodes, or use another --root with a larger --subnet`,
    );
  }
  return free.slice(0, count);
}

/** The first candidate that touches none of `used`. */
export function chooseSubnet(candidates: readonly string[], used: readonly Subnet[]): string {
  const free = candidates.find((candidate) => {
    const subnet = parseSubnet(candidate);
    return !used.some((other) => overlaps(subnet, other));
  });
  if (free === undefined)
    throw new DomainError("conflict", "no free subnet left on this machine: name one with --subnet");
  return free;
}

/** The subnets of a routing table, from `ip -j -4 route show table all`; the default route is none. */
export function subnetsOfRoutes(json: string): Subnet[] {
  const routes = JSON.parse(json || "[]") as { readonly dst?: string }[];
  return routes.flatMap(({ dst }) => {
    if (dst === undefined || dst === "default") return [];
    const [address = "", bits = "32"] = dst.split("/");
    const network = parseAddress(address);
    return network === undefined ? [] : [{ network, bits: Number(bits) }];
  });
}

/** A fixed MAC for an address, so that a node made again at the same address leaves no stale neighbour entries. */
export function macOf(address: string): string {
  const parts = address.split(".").map((part) => Number(part).toString(16).padStart(2, "0"));
  return ["02", "5e", ...parts].join(":");
}
