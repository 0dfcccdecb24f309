import { createSocket } from "node:dgram";
import { Resolver } from "node:dns/promises";
import { once } from "node:events";
import { connect, isIP } from "node:net";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";

// A client that runs beside a container or in a node, as a process of its own: node e2e/flows.ts COMMAND HOST PORT ...
//   tcp HOST PORT COUNT [CLIENT-PORT]   COUNT connections one after the other; prints the first line of each
//   udp HOST PORT COUNT [BYTES]         COUNT packets, each from a new socket; prints the answers
//   hold HOST PORT [CLIENT-PORT]        one connection; prints its first line, then the answer to each line it is given
//   udp-hold HOST PORT                  the same with packets from one socket
//   probe                               tries all targets it is given, lines "tcp|udp HOST PORT", at the same time, for a
//                                       second each; names are asked of 127.0.0.11; prints the answers in their order
//   listen PORT MS                      prints "listening", then the packets that come to this UDP port: "TEXT ADDRESS:PORT"
//   send HOST PORT TEXT [SOURCE]        one packet, from this address; TEXT may be hex:BYTES
// One line of JSON per answer: {"line": "..."} or {"error": "ECONNREFUSED", "afterMs": 3}.

const answerMs = 3000;
const probeMs = 1000;
/** More at once, and the client itself is what takes the time. */
const probesAtOnce = 200;

type Answer = { readonly line: string } | { readonly error: string; readonly afterMs: number };

const [command = "", host = "", port = "", ...rest] = process.argv.slice(2);
const target = Number(port);
const say = (answer: Answer) => process.stdout.write(`${JSON.stringify(answer)}\n`);
const failed = (error: unknown, since: number): Answer => ({
  error: (error as NodeJS.ErrnoException).code ?? (error as Error).message,
  afterMs: Math.round(performance.now() - since),
});

interface Target {
  readonly host: string;
  readonly port: number;
  readonly patienceMs: number;
}
const asGiven: Target = { host, port: target, patienceMs: answerMs };

function open(to: Target, localPort?: number) {
  const socket = connect({ host: to.host, port: to.port, ...(localPort && { localPort }) });
  const late = () => socket.destroy(Object.assign(new Error("timeout"), { code: "TIMEOUT" }));
  const timer = setTimeout(late, to.patienceMs);
  socket.once("data", () => clearTimeout(timer));
  socket.once("close", () => clearTimeout(timer));
  return socket;
}

async function tcpOnce(to: Target, localPort?: number): Promise<Answer> {
  const since = performance.now();
  const socket = open(to, localPort);
  try {
    const [data] = await once(socket, "data");
    socket.end();
    await once(socket, "close");
    return { line: String(data).trim() };
  } catch (error) {
    return failed(error, since);
  } finally {
    socket.destroy();
  }
}

async function udpOnce(to: Target, bytes: number): Promise<Answer> {
  const since = performance.now();
  const socket = createSocket("udp4");
  socket.connect(to.port, to.host);
  try {
    await once(socket, "connect");
    const answer = once(socket, "message", { signal: AbortSignal.timeout(to.patienceMs) });
    socket.send(Buffer.alloc(bytes, "x"));
    return { line: String((await answer)[0]).trim() };
  } catch (error) {
    return failed(error, since);
  } finally {
    socket.close();
  }
}

async function hold(localPort?: number): Promise<void> {
  const since = performance.now();
  const socket = open(asGiven, localPort);
  socket.on("data", (data) => say({ line: String(data).trim() }));
  socket.on("error", (error) => say(failed(error, since)));
  socket.on("close", () => process.exit(0));
  createInterface(process.stdin)
    .on("line", (line) => socket.write(`${line}\n`))
    .on("close", () => socket.end());
}

async function holdUdp(): Promise<void> {
  const socket = createSocket("udp4");
  socket.connect(target, host);
  await once(socket, "connect");
  socket.on("message", (data) => say({ line: String(data).trim() }));
  socket.on("error", (error) => say(failed(error, performance.now())));
  createInterface(process.stdin)
    .on("line", (line) => socket.send(line))
    .on("close", () => process.exit(0));
}

async function addressOf(name: string): Promise<string> {
  if (isIP(name)) return name;
  const resolver = new Resolver({ timeout: probeMs, tries: 1 });
  resolver.setServers(["127.0.0.11"]);
  const [address = ""] = await resolver.resolve4(name);
  return address;
}

async function probeOne(line: string): Promise<Answer> {
  const [protocol, name = "", toPort] = line.split(" ");
  const since = performance.now();
  try {
    const to = { host: await addressOf(name), port: Number(toPort), patienceMs: probeMs };
    return await (protocol === "udp" ? udpOnce(to, 16) : tcpOnce(to));
  } catch {
    return { error: "NONAME", afterMs: Math.round(performance.now() - since) };
  }
}

async function probe(): Promise<void> {
  const targets: string[] = [];
  for await (const line of createInterface(process.stdin)) targets.push(line);
  const answers = new Map<number, Answer>();
  const left = targets.entries();
  const work = async () => {
    for (const [at, line] of left) answers.set(at, await probeOne(line));
  };
  await Promise.all(Array.from({ length: probesAtOnce }, work));
  for (const at of targets.keys()) say(answers.get(at) ?? { error: "UNTRIED", afterMs: 0 });
}

/** `listen PORT MS`: its arguments stand where other commands have host and port. */
async function listen(): Promise<void> {
  const socket = createSocket("udp4");
  socket.on("message", (text, from) => say({ line: `${text} ${from.address}:${from.port}` }));
  socket.bind(Number(host));
  await once(socket, "listening");
  say({ line: "listening" });
  await sleep(target);
  socket.close();
}

async function send(text: string, source?: string): Promise<void> {
  const socket = createSocket("udp4");
  if (source !== undefined) {
    socket.bind(0, source);
    await once(socket, "listening");
  }
  const encoded = /^hex:(.*)$/.exec(text)?.[1];
  const bytes = encoded === undefined ? Buffer.from(text) : Buffer.from(encoded, "hex");
  await new Promise<void>((resolve) => socket.send(bytes, target, host, () => resolve()));
  socket.close();
}

const count = Number(rest[0] ?? 1);
const second = rest[1] === undefined ? undefined : Number(rest[1]);
if (command === "tcp") for (let i = 0; i < count; i++) say(await tcpOnce(asGiven, second));
else if (command === "udp") for (let i = 0; i < count; i++) say(await udpOnce(asGiven, second ?? 16));
else if (command === "hold") await hold(rest[0] === undefined ? undefined : Number(rest[0]));
else if (command === "udp-hold") await holdUdp();
else if (command === "probe") await probe();
else if (command === "listen") await listen();
else if (command === "send") await send(rest[0] ?? "", rest[1]);
else throw new Error(`unknown command ${command}`);
