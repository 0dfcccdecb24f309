import type { NodeId, PeerRecord } from "@skep/model";

/** The way from this node to another one, as it was found when it was last tried. */
export interface Leg {
  readonly nodeId: NodeId;
  readonly hostname: string;
  readonly address: string;
  /** The largest IPv4 packet that gets there in one piece; undefined when the node answers no ICMP. */
  readonly pathMtu: number | undefined;
  /** The largest that should: the MTU of this node's own device. */
  readonly deviceMtu: number;
  /** Its gateway router answers through the tunnel; undefined when it could not be tried. */
  readonly tunnel: "answers" | "silent" | undefined;
}

export interface LegProber {
  /** Undefined when there is no answer to a small packet either. */
  underlay(address: string, maxBytes: number): Promise<number | undefined>;
  /** Undefined when there is no gateway router to ask from. */
  tunnel(peer: PeerRecord): Promise<boolean | undefined>;
}

/** Tries the ways to all `peers`, some at a time. */
export async function probeLegs(
  peers: readonly PeerRecord[],
  deviceMtu: number,
  prober: LegProber,
  parallel = 8,
): Promise<Leg[]> {
  const legs: Leg[] = [];
  const waiting = [...peers];
  const work = async () => {
    for (let peer = waiting.shift(); peer; peer = waiting.shift()) legs.push(await probeLeg(peer, deviceMtu, prober));
  };
  await Promise.all(Array.from({ length: parallel }, work));
  return legs.toSorted((a, b) => a.hostname.localeCompare(b.hostname) || a.nodeId.localeCompare(b.nodeId));
}

async function probeLeg(peer: PeerRecord, deviceMtu: number, prober: LegProber): Promise<Leg> {
  const [pathMtu, answers] = await Promise.all([prober.underlay(peer.address, deviceMtu), prober.tunnel(peer)]);
  return {
    nodeId: peer.id,
    hostname: peer.hostname,
    address: peer.address,
    pathMtu,
    deviceMtu,
    tunnel: answers === undefined ? undefined : answers ? "answers" : "silent",
  };
}
