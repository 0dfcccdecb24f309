import {
  add,
  addRegister,
  and,
  assemble,
  call,
  copy,
  exit,
  type Instruction,
  jumpIf,
  jumpIfRegister,
  label,
  load,
  or,
  set,
  setLong,
  setMap,
  shiftLeft,
  store,
  storeValue,
  toNetworkOrder,
} from "./assembler.ts";

// A connection that has been opened, between a container and whoever called it by way of the gateway router, needs nothing
// any more that the router would do for a packet. These programs pass its packets on from device to device:
//
//   to-container    the container's veth, out of the router: takes a connection up that the router's rules have marked
//   from-node       the uplink, into the router:  a packet of such a connection goes straight into the container
//   from-peer       the tunnel, into the router:  the same, for what another node has sent
//   from-container  the container's veth, into the router: straight back to the node, or to that other node
//
// What they do not know goes on its usual way, and so do the first and the last packets of each connection, for those who
// follow its state. All they do is faster, and nothing depends on it.

/** By name, where each is put and what it is for. */
export type ShortcutProgram = "to-container" | "from-node" | "from-peer" | "from-container";

export const isShortcutProgram = (name: string): name is ShortcutProgram =>
  name === "to-container" || name === "from-node" || name === "from-peer" || name === "from-container";

/** The descriptors of what the programs share. */
export interface ShortcutMaps {
  /** `flowKey` to `flow`; forgets what has not been used for long when it is full. */
  readonly flows: number;
  /** Indices of the devices there are: the kernel itself takes out those that go. */
  readonly devices: number;
}

/** A connection as its caller sees it: addresses, then ports, as they are on the wire. */
const flowKey = { source: 0, destination: 4, sourcePort: 8, destinationPort: 10, bytes: 12 } as const;
const flow = {
  /** Index of the container's veth. */
  container: 0,
  /** Index of the device that the caller's packets come from. */
  origin: 4,
  /** Address of the node that has sent them; 0 when that is this one. */
  peer: 8,
  /** Nanoseconds since boot. */
  until: 16,
  bytes: 24,
} as const;
export const shortcutSizes = { key: flowKey.bytes, value: flow.bytes } as const;

/**
 * Then its packets go the usual way for once: whoever tracks it is to see that it lives, and that way may be another by
 * now. In nanoseconds.
 */
const lifetime = 10_000_000_000n;

/** What the router's rules mark a packet with, whose connection may be taken up: the peer's address, or this. */
export const callerIsNode = 0xffffffff;

// struct __sk_buff
const packet = { mark: 8, protocol: 16, ingressDevice: 36, device: 40 } as const;
// the head of a packet, on the stack: Ethernet, IPv4 without options, TCP up to its flags
const head = -66;
const ethernet = { source: 6 } as const;
const ip = { version: 14, fragment: 20, protocol: 23, source: 26, destination: 30 } as const;
const tcp = { sourcePort: 34, destinationPort: 36, flags: 47, bytes: 48 } as const;
const key = -16;
/** What is put together lies where the head is no longer needed. */
const made = -40;

const wire = { ipv4: 0x0008, noOptions: 0x45, tcp: 6, fragmented: 0xff3f } as const;
const finSynReset = 0x07;
/** Leave the packet to whoever comes next. */
const unspecified = -1;

/** The head of a TCP packet onto the stack, `r6` for the packet, `r7` for its flags. */
const readHead: readonly Instruction[] = [
  copy("r6", "r1"),
  load("u32", "r2", "r6", packet.protocol),
  jumpIf("r2", "!=", wire.ipv4, "pass"),
  copy("r1", "r6"),
  set("r2", 0),
  copy("r3", "r10"),
  add("r3", head),
  set("r4", tcp.bytes),
  call("loadBytes"),
  jumpIf("r0", "!=", 0, "pass"),
  load("u8", "r2", "r10", head + ip.version),
  jumpIf("r2", "!=", wire.noOptions, "pass"),
  load("u8", "r2", "r10", head + ip.protocol),
  jumpIf("r2", "!=", wire.tcp, "pass"),
  load("u16", "r2", "r10", head + ip.fragment),
  and("r2", wire.fragmented),
  jumpIf("r2", "!=", 0, "pass"),
  load("u8", "r7", "r10", head + tcp.flags),
];

const move = (size: "u16" | "u32", from: number, to: number): readonly Instruction[] => [
  load(size, "r2", "r10", head + from),
  store(size, "r10", key + to, "r2"),
];

const keyOfCaller: readonly Instruction[] = [
  ...move("u32", ip.source, flowKey.source),
  ...move("u32", ip.destination, flowKey.destination),
  ...move("u16", tcp.sourcePort, flowKey.sourcePort),
  ...move("u16", tcp.destinationPort, flowKey.destinationPort),
];

const keyOfAnswer: readonly Instruction[] = [
  ...move("u32", ip.destination, flowKey.source),
  ...move("u32", ip.source, flowKey.destination),
  ...move("u16", tcp.destinationPort, flowKey.sourcePort),
  ...move("u16", tcp.sourcePort, flowKey.destinationPort),
];

const withKey = (map: number): readonly Instruction[] => [setMap("r1", map), copy("r2", "r10"), add("r2", key)];

/** `r9` for the connection that the packet belongs to. */
const find = ({ flows }: ShortcutMaps): readonly Instruction[] => [
  ...withKey(flows),
  call("mapLookup"),
  jumpIf("r0", "=", 0, "pass"),
  copy("r9", "r0"),
];

/** Only what is in the middle of a connection, and only for a while. */
const stillGoing: readonly Instruction[] = [
  jumpIf("r7", "has", finSynReset, "forget"),
  call("coarseTime"),
  load("u64", "r2", "r9", flow.until),
  jumpIfRegister("r0", ">", "r2", "forget"),
];

const ends = ({ flows }: ShortcutMaps): readonly Instruction[] => [
  label("forget"),
  ...withKey(flows),
  call("mapDelete"),
  ...pass,
];

const pass: readonly Instruction[] = [label("pass"), set("r0", unspecified), exit];

const isFromSameDevice: readonly Instruction[] = [
  load("u32", "r2", "r9", flow.origin),
  load("u32", "r3", "r6", packet.device),
  jumpIfRegister("r2", "!=", "r3", "pass"),
];

/** Who has sent it is told by the lower four bytes of the MAC address: see `peerMac`. */
const isFromSamePeer: readonly Instruction[] = [
  load("u16", "r2", "r10", head + ethernet.source + 4),
  shiftLeft("r2", 16),
  load("u16", "r3", "r10", head + ethernet.source + 2),
  or("r2", "r3"),
  load("u32", "r3", "r9", flow.peer),
  jumpIfRegister("r2", "!=", "r3", "pass"),
];

/** Into the container, if it is still there: a packet to a device that is gone would be lost instead of refused. */
const intoContainer = ({ devices }: ShortcutMaps): readonly Instruction[] => [
  setMap("r1", devices),
  copy("r2", "r9"),
  add("r2", flow.container),
  call("mapLookup"),
  jumpIf("r0", "=", 0, "forget"),
  load("u32", "r1", "r9", flow.container),
  set("r2", 0),
  call("redirectPeer"),
  exit,
];

const fromCaller = (maps: ShortcutMaps, isFromSame: readonly Instruction[]): readonly Instruction[] => [
  ...readHead,
  ...keyOfCaller,
  ...find(maps),
  ...isFromSameDevice,
  ...isFromSame,
  ...stillGoing,
  ...intoContainer(maps),
  ...ends(maps),
];

/** A container that sends in another's name has another veth. */
const isFromItsContainer: readonly Instruction[] = [
  load("u32", "r2", "r9", flow.container),
  load("u32", "r3", "r6", packet.device),
  jumpIfRegister("r2", "!=", "r3", "pass"),
];

/** The first two bytes of the MAC addresses of all tunnel ends, see `peerMac`; the others are the node's address. */
const tunnelEnd = 0x5802;

/** To the peer's tunnel end, from that of no node: who answers need not be told, and what the container says is not believed. */
const intoTunnel: readonly Instruction[] = [
  storeValue("u16", "r10", made + 2, tunnelEnd),
  store("u32", "r10", made + 4, "r8"),
  storeValue("u16", "r10", made + 8, tunnelEnd),
  storeValue("u16", "r10", made + 10, 0),
  storeValue("u16", "r10", made + 12, 0),
  copy("r1", "r6"),
  set("r2", 0),
  copy("r3", "r10"),
  add("r3", made + 2),
  set("r4", 12),
  set("r5", 0),
  call("storeBytes"),
  jumpIf("r0", "!=", 0, "pass"),
  copy("r1", "r7"),
  set("r2", 0),
  call("redirect"),
  exit,
];

const fromContainer = (maps: ShortcutMaps): readonly Instruction[] => [
  ...readHead,
  ...keyOfAnswer,
  ...find(maps),
  ...isFromItsContainer,
  ...stillGoing,
  load("u32", "r7", "r9", flow.origin),
  load("u32", "r8", "r9", flow.peer),
  jumpIf("r8", "!=", 0, "peer"),
  copy("r1", "r7"),
  set("r2", 0),
  call("redirectPeer"),
  exit,
  label("peer"),
  ...intoTunnel,
  ...ends(maps),
];

const toContainer = ({ flows }: ShortcutMaps): readonly Instruction[] => [
  load("u32", "r8", "r1", packet.mark),
  jumpIf("r8", "=", 0, "pass"),
  ...readHead,
  jumpIf("r7", "has", finSynReset, "pass"),
  ...keyOfCaller,
  toNetworkOrder("r8"),
  setLong("r2", BigInt(callerIsNode)),
  jumpIfRegister("r8", "!=", "r2", "marked"),
  set("r8", 0),
  label("marked"),
  store("u32", "r10", made + flow.peer, "r8"),
  storeValue("u32", "r10", made + flow.peer + 4, 0),
  load("u32", "r2", "r6", packet.device),
  store("u32", "r10", made + flow.container, "r2"),
  load("u32", "r2", "r6", packet.ingressDevice),
  store("u32", "r10", made + flow.origin, "r2"),
  call("coarseTime"),
  setLong("r2", lifetime),
  addRegister("r0", "r2"),
  store("u64", "r10", made + flow.until, "r0"),
  ...withKey(flows),
  copy("r3", "r10"),
  add("r3", made),
  set("r4", 0),
  call("mapUpdate"),
  ...pass,
];

/** The bytes of a program. */
export function shortcutProgram(name: ShortcutProgram, maps: ShortcutMaps): Buffer {
  switch (name) {
    case "from-node":
      return assemble(fromCaller(maps, []));
    case "from-peer":
      return assemble(fromCaller(maps, isFromSamePeer));
    case "from-container":
      return assemble(fromContainer(maps));
    case "to-container":
      return assemble(toContainer(maps));
  }
}
