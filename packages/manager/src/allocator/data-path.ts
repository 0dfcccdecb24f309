import { type DataPath, type Node, parseAddress } from "@skep/model";

const lastIndex = 65535;

/** A data path with the lowest index that no other node has. */
export function claimDataPath(nodes: Iterable<Node>, address: string): DataPath {
  const taken = new Set<number>();
  for (const { dataPath } of nodes) if (dataPath) taken.add(dataPath.index);
  let index = 1;
  while (taken.has(index)) index++;
  if (index > lastIndex) throw new Error(`no more than ${lastIndex} nodes can be in a swarm`);
  return { address, index };
}

/** The IPv4 address in `host`, `host:port` or an IPv6 socket's `::ffff:host`; undefined when it is none. */
export function ipv4Of(text: string): string | undefined {
  const host = text.replace(/^::ffff:/i, "").replace(/:\d+$/, "");
  const address = parseAddress(host);
  return address === undefined || address === 0 ? undefined : host;
}
