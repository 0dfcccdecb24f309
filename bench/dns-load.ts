// node bench/dns-load.ts PORT NAME SECONDS OUTSTANDING RATE: asks 127.0.0.11 for NAME, and prints how fast it was answered.
// With RATE 0 there are always OUTSTANDING questions under way, else RATE questions a second are sent.
import { createSocket, type Socket } from "node:dgram";
import { percentile } from "./report.ts";

const [port = 53, seconds = 2, outstanding = 32, rate = 0] = [2, 4, 5, 6].map((at) => Number(process.argv[at] ?? 0));
const labels = (process.argv[3] ?? "")
  .split(".")
  .map((label) => Buffer.from(`${String.fromCharCode(label.length)}${label}`));
/** Id 0, "recursion desired", one question, of type A and class IN. */
const packet = Buffer.concat([
  Buffer.from("000001000001000000000000", "hex"),
  ...labels,
  Buffer.from("0000010001", "hex"),
]);

const latenciesMs: number[] = [];
const sentAt = new Map<number, number>();
let asked = 0;

function ask(socket: Socket): void {
  const id = asked++ & 0xffff;
  const question = Buffer.from(packet);
  question.writeUInt16BE(id, 0);
  sentAt.set(id, performance.now());
  socket.send(question);
}

function connectSocket(): Promise<Socket> {
  const socket = createSocket("udp4");
  return new Promise((resolve) => socket.connect(port, "127.0.0.11", () => resolve(socket)));
}

const sockets = await Promise.all(Array.from({ length: 4 }, connectSocket));
const end = performance.now() + seconds * 1000;
for (const socket of sockets) {
  socket.on("message", (reply) => {
    const now = performance.now();
    latenciesMs.push(now - (sentAt.get(reply.readUInt16BE(0)) ?? now));
    if (rate === 0 && now < end) ask(socket);
  });
}
const from = performance.now();
if (rate === 0) for (let i = 0; i < outstanding; i++) ask(sockets[i % 4] as Socket);
const timer = setInterval(() => {
  const due = rate === 0 ? 0 : Math.floor(((performance.now() - from) / 1000) * rate);
  while (asked < due) ask(sockets[asked % 4] as Socket);
}, 1);
setTimeout(
  () => {
    clearInterval(timer);
    for (const socket of sockets) socket.close();
    const figures = {
      perSecond: latenciesMs.length / seconds,
      lost: asked - latenciesMs.length,
      p50Ms: percentile(latenciesMs, 50),
      p99Ms: percentile(latenciesMs, 99),
      cpuMicros: (process.cpuUsage().user + process.cpuUsage().system) / asked,
    };
    process.stdout.write(JSON.stringify(figures));
  },
  seconds * 1000 + 200,
);
