import { createSocket } from "node:dgram";
import { once } from "node:events";
import { closeSync } from "node:fs";
import { createServer, type Socket } from "node:net";
import { runCommand } from "@skep/testkit";
import { decode, encode, type Packet } from "dns-packet";
import type { DnsPorts, Zone } from "../src/dns/dns-server.ts";
import { bindIn, dialerIn } from "../src/dns/namespace-sockets.ts";
import type { Kernel } from "../src/host/kernel.ts";
import { openNamespace } from "../src/host/netns.ts";
import { openKernel } from "../src/host/open-kernel.ts";
import { resolverRules } from "../src/overlay/container.ts";

/** A namespace as a container's: its loopback, nothing else. */
export class Lab implements AsyncDisposable {
  readonly name: string;
  readonly path: string;
  readonly #kernel: Kernel;

  static async create(label: string): Promise<Lab> {
    const lab = await Lab.createDown(label);
    await lab.up();
    return lab;
  }

  static async createDown(label: string): Promise<Lab> {
    const kernel = openKernel();
    const name = `dnst-${process.pid}-${label}`;
    using namespace = await kernel.ensure(name);
    return new Lab(kernel, name, namespace.path);
  }

  private constructor(kernel: Kernel, name: string, path: string) {
    this.#kernel = kernel;
    this.name = name;
    this.path = path;
  }

  async up(): Promise<void> {
    using namespace = await this.#kernel.open(this.path);
    await namespace.netlink([{ do: "set-link", name: "lo", up: true }]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#kernel.remove(this.name);
    this.#kernel.close();
  }

  run(...command: string[]): Promise<string> {
    return must("nsenter", `--net=${this.path}`, ...command);
  }

  /** Names in the container then lead to the resolver, as they do in a container. */
  async redirect({ udp, tcp }: DnsPorts): Promise<void> {
    const script = `table ip skepdns { chain out { type filter hook output priority -300; policy accept;
      ${[...resolverRules("udp", udp), ...resolverRules("tcp", tcp)].join("\n")}
    }
    }`;
    await this.run("nft", script);
  }
}

async function must(...command: string[]): Promise<string> {
  const { code, stdout, stderr } = await runCommand(command);
  if (code !== 0) throw new Error(`${command.join(" ")}: ${stderr}${stdout}`);
  return stdout;
}

export const question = (name: string, type = "A", more: object = {}): Buffer =>
  encode({
    type: "query",
    id: Math.floor(Math.random() * 65_536),
    flags: 0x100,
    questions: [{ name, type, class: "IN" }],
    ...more,
  } as Packet);

export type Told = Packet & { rcode: string; flag_tc: boolean };

const resolver = "127.0.0.11";

/** Asks by UDP from inside the namespace, or from this process's. */
export async function ask(from: string | undefined, port: number, packet: Buffer, timeoutMs = 8000): Promise<Told> {
  const namespace = from === undefined ? undefined : openNamespace(from);
  const socket = namespace ? dialerIn(namespace).udp(resolver) : createSocket("udp4");
  if (namespace) closeSync(namespace.fd);
  try {
    return await new Promise<Told>((resolve, reject) => {
      setTimeout(() => reject(new Error("no answer")), timeoutMs).unref();
      socket.on("error", reject);
      socket.on("message", (reply) => resolve(decode(reply) as unknown as Told));
      socket.connect(port, resolver, () => socket.send(packet));
    });
  } finally {
    socket.close();
  }
}

/** A connection from inside the namespace. */
export function connectIn(from: string, port: number): Socket {
  const namespace = openNamespace(from);
  const socket = dialerIn(namespace).tcp(resolver);
  closeSync(namespace.fd);
  return socket.connect(port, resolver);
}

/** Sends all at once, closes its half, and gives the answers in the order in which they come. */
export async function askByTcp(from: string, port: number, packets: readonly Buffer[]): Promise<Told[]> {
  const socket = connectIn(from, port);
  socket.end(Buffer.concat(packets.map(framed)));
  const chunks: Buffer[] = [];
  for await (const chunk of socket) chunks.push(chunk as Buffer);
  return messages(Buffer.concat(chunks)).map((packet) => decode(packet) as unknown as Told);
}

export const framed = (packet: Buffer): Buffer =>
  Buffer.concat([Buffer.from([packet.length >> 8, packet.length & 255]), packet]);

export function messages(bytes: Buffer): Buffer[] {
  if (bytes.length < 2) return [];
  const end = 2 + bytes.readUInt16BE(0);
  return end > bytes.length ? [] : [bytes.subarray(2, end), ...messages(bytes.subarray(end))];
}

export const say = ({ rcode, answers }: Told): string =>
  [rcode, ...(answers ?? []).map((record) => (record as { data: string }).data)].join(" ");

export const zone = (name: string, names: Record<string, readonly string[]>): Zone => ({
  networkId: name,
  name,
  names: new Map(Object.entries(names).map(([key, addresses]) => [key, { addresses, ttlSeconds: 600 }])),
  reverse: new Map(Object.entries(names).flatMap(([key, addresses]) => addresses.map((address) => [address, key]))),
});

/** What a server outside does with a question: the packet it answers with, or nothing. */
export type Behaviour = (query: Packet, by: "udp" | "tcp") => Buffer | undefined;

export const saying =
  (...addresses: string[]): Behaviour =>
  ({ id, questions }) =>
    encode({
      type: "response",
      id: id ?? 0,
      flags: 0x180,
      questions: questions ?? [],
      answers: addresses.map((data) => ({ type: "A", name: questions?.[0]?.name ?? "", ttl: 60, data })),
    });

export const failing =
  (code: number): Behaviour =>
  ({ id, questions }) =>
    encode({ type: "response", id: id ?? 0, flags: 0x180 | code, questions: questions ?? [] });

/** A server on port 53 of an address of this process's namespace, or of another. */
export class Upstream implements AsyncDisposable {
  asked = 0;
  readonly #stop: () => void;

  static async start(address: string, behave: Behaviour, within = "/proc/self/ns/net"): Promise<Upstream> {
    const udp = createSocket("udp4");
    const open = new Set<Socket>();
    const tcp = createServer((socket) => {
      open.add(socket);
      socket.on("error", () => socket.destroy());
      socket.on("data", (chunk: Buffer) => {
        for (const packet of messages(chunk)) {
          upstream.asked++;
          const reply = behave(decode(packet) as Packet, "tcp");
          if (reply) socket.write(framed(reply));
        }
      });
    });
    const upstream = new Upstream(() => {
      udp.close();
      tcp.close();
      for (const socket of open) socket.destroy();
    });
    udp.on("message", (packet, { port, address: from }) => {
      upstream.asked++;
      const reply = behave(decode(packet) as Packet, "udp");
      if (reply) udp.send(reply, port, from);
    });
    const namespace = openNamespace(within);
    const listening = [once(udp, "listening"), once(tcp, "listening")];
    udp.bind({ fd: bindIn(namespace, "udp", address, 53).fd });
    tcp.listen({ fd: bindIn(namespace, "tcp", address, 53).fd });
    closeSync(namespace.fd);
    await Promise.all(listening);
    return upstream;
  }

  private constructor(stop: () => void) {
    this.#stop = stop;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop();
  }
}
