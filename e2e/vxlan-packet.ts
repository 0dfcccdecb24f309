export interface VxlanPacket {
  readonly vni: number;
  /** Node addresses: they make the inner MAC addresses. */
  readonly fromNode: string;
  readonly toNode: string;
  readonly source: string;
  readonly destination: string;
  readonly port: number;
  readonly text: string;
}

/** The payload of a VXLAN packet (RFC 7348) as one node's router would send it to another's: a UDP packet in it. */
export function vxlanPacket({ vni, fromNode, toNode, source, destination, port, text }: VxlanPacket): Buffer {
  const payload = Buffer.from(text);
  const udp = Buffer.concat([words(port, port, 8 + payload.length, 0), payload]);
  const header = Buffer.concat([
    words(0x4500, 20 + udp.length, 0, 0, 0x4011, 0), // UDP, 64 hops
    octets(source),
    octets(destination),
  ]);
  header.writeUInt16BE(checksum(header), 10);
  const ethernet = Buffer.concat([routerMac(toNode), routerMac(fromNode), words(0x0800)]);
  const vxlan = Buffer.alloc(8);
  vxlan[0] = 0x08; // "the network's number is valid"
  vxlan.writeUIntBE(vni, 4, 3);
  return Buffer.concat([vxlan, ethernet, header, udp]);
}

/** The MAC address of a node's tunnel ends. */
const routerMac = (address: string) => Buffer.concat([Buffer.from([0x02, 0x58]), octets(address)]);

const octets = (address: string) => Buffer.from(address.split(".").map(Number));

function words(...values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(values.length * 2);
  for (const [at, value] of values.entries()) bytes.writeUInt16BE(value, at * 2);
  return bytes;
}

function checksum(bytes: Buffer): number {
  let sum = 0;
  for (let at = 0; at < bytes.length; at += 2) sum += bytes.readUInt16BE(at);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
  return ~sum & 0xffff;
}
