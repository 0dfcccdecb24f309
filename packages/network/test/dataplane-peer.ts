import { createSocket, type Socket as UdpSocket } from "node:dgram";
import { Resolver } from "node:dns/promises";
import { connect, createServer, type Socket } from "node:net";
import { AF_INET, check, libc, SOCK_RAW } from "../src/host/libc.ts";
import { serve } from "./dataplane-rpc.ts";

// What runs in a test's containers, on its nodes and outside: says who it is on TCP port 80 and UDP port 9999, and
// asks others. Arguments: its name, and `serve` when it is to answer.

const [name = "", mode = ""] = process.argv.slice(2);
const timeoutMs = 1500;

const listen = (port: number) =>
  new Promise<void>((resolve, reject) => {
    const server = createServer((socket) => {
      socket.on("data", () => socket.write(`${name} ${socket.remoteAddress} ${socket.remotePort}\n`));
      socket.on("error", () => {});
    });
    server.once("error", reject);
    server.listen(port, "0.0.0.0", resolve);
  });

if (mode === "serve") {
  await listen(80);
  const udp = createSocket("udp4");
  udp.on("message", (_, { address, port }) => udp.send(`${name} ${address} ${port}`, port, address));
  udp.bind(9999);
}

const held = new Map<string, Socket>();

const codeOf = (error: unknown) => (error as NodeJS.ErrnoException).code ?? String(error);

function open(host: string, port: number, localPort?: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port, ...(localPort !== undefined && { localPort }) });
    socket.setTimeout(timeoutMs, () => socket.destroy(Object.assign(new Error("timeout"), { code: "TIMEOUT" })));
    socket.once("connect", () => resolve(socket));
    socket.once("error", reject);
  });
}

function answerOf(socket: Socket): Promise<string> {
  return new Promise((resolve, reject) => {
    if (socket.errored) return reject(socket.errored); // it has ended by itself meanwhile
    socket.once("data", (data) => resolve(data.toString().trim()));
    socket.once("error", reject);
    socket.once("close", () => reject(Object.assign(new Error("closed"), { code: "CLOSED" })));
    socket.write("?");
  });
}

async function askTcp(host: string, port: number): Promise<string> {
  try {
    const socket = await open(host, port);
    const answer = await answerOf(socket);
    socket.removeAllListeners("close");
    socket.destroy();
    return answer;
  } catch (error) {
    return codeOf(error);
  }
}

/** Client ports that have sent a datagram: a balancer knows them again for a while, which is no new turn. */
const sentFrom = new Set<number>();

/** A UDP socket on `localPort`; without one, on a port that this process has not sent from before. */
async function openUdp(localPort?: number): Promise<UdpSocket> {
  const socket = createSocket("udp4");
  await new Promise<void>((resolve, reject) => {
    socket.once("error", reject);
    socket.bind(localPort ?? 0, resolve);
  });
  socket.removeAllListeners("error");
  const { port } = socket.address();
  if (localPort === undefined && sentFrom.has(port)) {
    socket.close();
    return openUdp();
  }
  sentFrom.add(port);
  return socket;
}

async function askUdp(host: string, port: number, localPort?: number): Promise<string> {
  const socket = await openUdp(localPort);
  return new Promise((resolve) => {
    const end = (answer: string) => {
      clearTimeout(timer);
      socket.close();
      resolve(answer);
    };
    const timer = setTimeout(() => end("TIMEOUT"), timeoutMs);
    socket.once("message", (data) => end(data.toString()));
    socket.once("error", (error) => end(codeOf(error)));
    socket.connect(port, host, () => socket.send("?"));
  });
}

async function repeat(count: number, ask: () => Promise<string>): Promise<string[]> {
  const answers: string[] = [];
  for (let i = 0; i < count; i++) answers.push(await ask());
  return answers;
}

interface Ends {
  readonly source: string;
  readonly sourcePort: number;
  readonly destination: string;
  readonly destinationPort: number;
}

/** A TCP packet of somebody else's, from the middle of a connection, with a mark (DSCP) to tell it by. */
function forge({ source, sourcePort, destination, destinationPort }: Ends, dscp: number): void {
  const bytes = (address: string) => address.split(".").map(Number);
  const to = bytes(destination);
  const ip = Buffer.from([0x45, dscp << 2, 0, 40, 0, 0, 0, 0, 64, 6, 0, 0, ...bytes(source), ...to]);
  const tcp = Buffer.alloc(20);
  tcp.writeUInt16BE(sourcePort, 0);
  tcp.writeUInt16BE(destinationPort, 2);
  tcp[12] = 5 << 4;
  tcp[13] = 0x10; // ACK
  const fd = check(libc().socket(AF_INET, SOCK_RAW, IPPROTO_RAW), "socket");
  const address = Buffer.from([AF_INET, 0, 0, 0, ...to, 0, 0, 0, 0, 0, 0, 0, 0]);
  check(libc().sendto(fd, Buffer.concat([ip, tcp]), 40, 0, address, 16), "sendto");
  libc().close(fd);
}

const IPPROTO_RAW = 255;

serve({
  listen,
  async resolve(host: string) {
    const resolver = new Resolver({ timeout: 500, tries: 1 });
    resolver.setServers(["127.0.0.11"]);
    return (await resolver.resolve4(host).catch(() => [])).sort();
  },
  tcp: (host: string, port: number, count: number) => repeat(count, () => askTcp(host, port)),
  udp: (host: string, port: number, count: number, localPort?: number) =>
    repeat(count, () => askUdp(host, port, localPort)),
  async hold(id: string, host: string, port: number, localPort?: number) {
    const socket = await open(host, port, localPort);
    socket.on("error", () => {});
    held.set(id, socket);
    return answerOf(socket);
  },
  say: (id: string) => answerOf(held.get(id) as Socket).catch(codeOf),
  end: (id: string) => void held.get(id)?.destroy(),
  forge,
});
