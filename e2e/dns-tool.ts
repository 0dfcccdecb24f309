import { createSocket } from "node:dgram";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { decodeAnswer, decodeQuestion, encodeAnswer, encodeQuestion, type Question } from "./dns-packet.ts";

// A client and a server of names, a process of its own beside a container or in a node: node e2e/dns-tool.ts COMMAND ...
//   ask QUESTION...   asks 127.0.0.11, each question as "TYPE NAME [tcp] [EDNS-BYTES]"; prints the answers in their order
//   watch NAME        asks for NAME every 15 ms until its input ends; prints each answer with the machine's uptime
//                     before the question: {"line": "UPTIME ADDRESS,ADDRESS"}
//   serve ADDRESS     is a name server there until its input ends; prints the names it is asked for. It has 192.0.2.7 for
//                     all names under `.test`, and denies the others.

const server = "127.0.0.11";
const answerMs = 8000;

const [command = "", ...args] = process.argv.slice(2);
const say = (answer: unknown) => process.stdout.write(`${JSON.stringify(answer)}\n`);
const inputEnd = new Promise<void>((resolve) => process.stdin.resume().once("end", resolve));
/** On the clock that shells read, too. */
const uptime = () => readFileSync("/proc/uptime", "utf8").split(" ")[0];
let lastId = 0;

async function askUdp(question: Question) {
  const socket = createSocket("udp4");
  try {
    const answer = once(socket, "message", { signal: AbortSignal.timeout(answerMs) });
    socket.send(encodeQuestion(++lastId, question), 53, server);
    return decodeAnswer((await answer)[0]);
  } finally {
    socket.close();
  }
}

async function askTcp(question: Question) {
  const socket = connect({ host: server, port: 53, timeout: answerMs });
  try {
    const packet = encodeQuestion(++lastId, question);
    socket.write(Buffer.concat([Buffer.from([packet.length >> 8, packet.length & 255]), packet]));
    let received = Buffer.alloc(0);
    for await (const part of socket) {
      received = Buffer.concat([received, part as Buffer]);
      if (received.length >= 2 && received.length >= 2 + received.readUInt16BE(0)) break;
    }
    return decodeAnswer(received.subarray(2));
  } finally {
    socket.destroy();
  }
}

async function ask(text: string): Promise<void> {
  const [type = "A", name = "", ...how] = text.split(" ");
  const edns = how.find((word) => /^\d+$/.test(word));
  const question = { type, name, ...(edns !== undefined && { ednsBytes: Number(edns) }) };
  const since = performance.now();
  const answer = await (how.includes("tcp") ? askTcp(question) : askUdp(question));
  say({ ...answer, afterMs: Math.round(performance.now() - since) });
}

async function watch(name: string): Promise<void> {
  let isOver = false;
  void inputEnd.then(() => {
    isOver = true;
  });
  while (!isOver) {
    const since = uptime();
    const { records } = await askUdp({ type: "A", name });
    say({ line: `${since} ${records.map(({ data }) => data).join()}` });
    await sleep(15);
  }
}

function answerTo(packet: Buffer): Buffer {
  const { name, type } = decodeQuestion(packet);
  say({ line: `${type} ${name}` });
  if (!name.toLowerCase().endsWith(".test")) return encodeAnswer(packet, { code: "NXDOMAIN" });
  return encodeAnswer(packet, type === "A" ? { address: "192.0.2.7" } : { code: "NOERROR" });
}

async function serve(address: string): Promise<void> {
  const udp = createSocket("udp4");
  udp.on("message", (packet, from) => udp.send(answerTo(packet), from.port, from.address));
  udp.bind(53, address);
  const tcp = createServer((socket) =>
    socket.once("data", (data) => {
      const answer = answerTo(data.subarray(2));
      socket.end(Buffer.concat([Buffer.from([answer.length >> 8, answer.length & 255]), answer]));
    }),
  ).listen(53, address);
  await Promise.all([once(udp, "listening"), once(tcp, "listening")]);
  say({ line: "serving" });
  await inputEnd;
}

if (command === "ask") for (const text of args) await ask(text);
else if (command === "watch") await watch(args[0] ?? "");
else if (command === "serve") await serve(args[0] ?? "");
else throw new Error(`unknown command ${command}`);
process.exit(0);
