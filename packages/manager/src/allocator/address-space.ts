import {
  type AddressBlock,
  blockAt,
  blockHolds,
  formatAddress,
  type Network,
  parseAddress,
  parseBlock,
  type Subnet,
} from "@skep/model";

/** The addresses of a network that may be given out, in one row over all its subnets. */
export interface AddressSpace {
  /** How many places the row has; on some of them nothing may be given out. */
  readonly size: number;
  /** The address at a place of the row; undefined when it is nobody's to have. */
  at(index: number): Place | undefined;
  /** Where an address asked for by name would be; undefined when no subnet has it, or it may be nobody's. */
  find(address: string): Place | "outside" | "reserved";
}

export interface Place {
  /** Bare. */
  readonly address: string;
  /** With the subnet's length. */
  readonly cidr: string;
}

interface Part {
  readonly subnet: AddressBlock;
  /** What may be given out without being asked for. */
  readonly range: AddressBlock;
  readonly excluded: ReadonlySet<number>;
}

export function addressSpace({ subnets }: Pick<Network, "subnets">): AddressSpace {
  const parts = subnets.flatMap(partOf);
  const sizeOf = ({ range }: Part) => range.last - range.first + 1;
  return {
    size: parts.reduce((sum, part) => sum + sizeOf(part), 0),
    at(index) {
      let rest = index;
      for (const part of parts) {
        if (rest < sizeOf(part)) return place(part, part.range.first + rest);
        rest -= sizeOf(part);
      }
      return undefined;
    },
    find(text) {
      const address = parseAddress(text);
      const part = address === undefined ? undefined : parts.find(({ subnet }) => blockHolds(subnet, address));
      if (!part || address === undefined) return "outside";
      return place(part, address) ?? "reserved";
    },
  };
}

/** Never the network's own address and the broadcast address, the gateway, and what was reserved. */
function partOf({ subnet: text, range, gateway, reserved = [] }: Subnet): Part[] {
  const subnet = parseBlock(text);
  if (!subnet) return [];
  const excluded = [subnet.first, subnet.last, ...[gateway, ...reserved].map((each) => parseAddress(each) ?? -1)];
  const within = (range && parseBlock(range)) || blockAt(subnet.first, subnet.length);
  return [{ subnet, range: within, excluded: new Set(excluded) }];
}

function place({ subnet, excluded }: Part, address: number): Place | undefined {
  if (excluded.has(address)) return undefined;
  const text = formatAddress(address);
  return { address: text, cidr: `${text}/${subnet.length}` };
}
