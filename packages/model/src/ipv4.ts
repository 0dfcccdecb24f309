/** An IPv4 network or a part of one: numbers, so that thousands of addresses can be walked. Both ends belong to it. */
export interface AddressBlock {
  readonly first: number;
  readonly last: number;
  readonly length: number;
}

const dotted = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/;

/** Undefined when the text is not an IPv4 address. */
export function parseAddress(text: string): number | undefined {
  const parts = dotted.exec(text)?.slice(1) ?? [];
  if (parts.length !== 4 || parts.some((part) => Number(part) > 255 || (part.length > 1 && part.startsWith("0")))) {
    return undefined;
  }
  return parts.reduce((address, part) => address * 256 + Number(part), 0);
}

export const formatAddress = (address: number): string =>
  [24, 16, 8, 0].map((shift) => (address >>> shift) & 255).join(".");

/** Of CIDR notation; host bits are dropped. Undefined when the text is not that. */
export function parseBlock(text: string): AddressBlock | undefined {
  const [host = "", size = "", ...rest] = text.split("/");
  const address = parseAddress(host);
  if (address === undefined || rest.length > 0 || !/^(\d|[12]\d|3[0-2])$/.test(size)) return undefined;
  return blockAt(address, Number(size));
}

/** The block of that prefix length that holds `address`. */
export function blockAt(address: number, length: number): AddressBlock {
  const size = 2 ** (32 - length);
  const first = address - (address % size);
  return { first, last: first + size - 1, length };
}

export const formatBlock = ({ first, length }: AddressBlock): string => `${formatAddress(first)}/${length}`;

export const blockHolds = (block: AddressBlock, address: number): boolean =>
  block.first <= address && address <= block.last;

export const blockCovers = (outer: AddressBlock, inner: AddressBlock): boolean =>
  outer.first <= inner.first && inner.last <= outer.last;

/** `10.0.1.5/24` → `10.0.1.5`: an address may carry its subnet's length. */
export const bare = (address: string): string => address.split("/")[0] ?? address;

/** Two blocks have nothing in common, or one holds the other. */
export const blocksOverlap = (a: AddressBlock, b: AddressBlock): boolean => a.first <= b.last && b.first <= a.last;
