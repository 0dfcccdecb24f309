import { createSocket } from "node:dgram";
import { once } from "node:events";
import type { Kernel } from "@skep/network";
import type { NameAnswer } from "./node-dump-types.ts";

const patienceMs = 2000;

/** Asks 127.0.0.11 for A records, from inside the network of a process. */
export async function ask(kernel: Kernel, pid: number, names: readonly string[]): Promise<NameAnswer[]> {
  using namespace = await kernel.open(`/proc/${pid}/ns/net`);
  // an address is bound to without a turn of the event loop, so within the namespace
  const lookup = (address: string, _options: unknown, done: (error: null, address: string, family: 4) => void) =>
    done(null, address, 4);
  const socket = namespace.enter(() => createSocket({ type: "udp4", lookup: lookup as never }).bind(0, "0.0.0.0"));
  try {
    const answers = new Map<number, string[]>();
    socket.on("message", (packet) => answers.set(packet.readUInt16BE(0), addressesOf(packet)));
    for (const [id, name] of names.entries()) socket.send(question(id, name), 53, "127.0.0.11");
    const late = AbortSignal.timeout(patienceMs);
    while (answers.size < names.length) await once(socket, "message", { signal: late });
    return names.map((name, id) => ({ name, addresses: answers.get(id)?.toSorted() ?? ["no answer"] }));
  } finally {
    socket.close();
  }
}

function question(id: number, name: string): Buffer {
  const head = Buffer.from([id >> 8, id & 255, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0]); // recursion desired, one question
  const labels = name.split(".").map((label) => Buffer.concat([Buffer.from([label.length]), Buffer.from(label)]));
  return Buffer.concat([head, ...labels, Buffer.from([0, 0, 1, 0, 1])]); // A, IN
}

/** Of a reply's A records; its code when that is none of success. */
function addressesOf(packet: Buffer): string[] {
  const code = packet.readUInt16BE(2) & 15;
  if (code !== 0) return [`rcode ${code}`];
  const count = packet.readUInt16BE(6);
  const addresses: string[] = [];
  let at = afterName(packet, 12) + 4;
  for (let i = 0; i < count; i++) {
    at = afterName(packet, at);
    const length = packet.readUInt16BE(at + 8);
    if (packet.readUInt16BE(at) === 1) addresses.push([...packet.subarray(at + 10, at + 14)].join("."));
    at += 10 + length;
  }
  return addresses;
}

function afterName(packet: Buffer, start: number): number {
  let at = start;
  for (let length = packet[at] ?? 0; length !== 0; length = packet[at] ?? 0) {
    if (length >= 192) return at + 2; // a pointer ends it
    at += length + 1;
  }
  return at + 1;
}
