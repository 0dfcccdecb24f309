import { createSocket } from "node:dgram";
import { once } from "node:events";
import { connect } from "node:net";
import { createInterface } from "node:readline";

// A client that runs beside a container or in a node, as a process of its own: node e2e/flows.ts COMMAND HOST PORT ...
//   tcp HOST PORT COUNT [CLIENT-PORT]   COUNT connections one after the other; prints the first line of each
//   udp HOST PORT COUNT [BYTES]         COUNT packets, each from a new socket; prints the answers
//   hold HOST PORT [CLIENT-PORT]        one connection; prints its first line, then the answer to each line it is given
//   udp-hold HOST PORT                  the same with packets from one socket
// One line of JSON per answer: {"line": "..."} or {"error": "ECONNREFUSED", "afterMs": 3}.

const answerMs = 3000;

type Answer = { readonly line: string } | { readonly error: string; readonly afterMs: number };

const [command = "", host = "", port = "", ...rest] = process.argv.slice(2);
const target = Number(port);
const say = (answer: Answer) => process.stdout.write(`${JSON.stringify(answer)}\n`);
const failed = (error: unknown, since: number): Answer => ({
  error: (error as NodeJS.ErrnoException).code ?? (error as Error).message,
  afterMs: Math.round(performance.now() - since),
});

function open(localPort?: number) {
  const socket = connect({ host, port: target, ...(localPort && { localPort }) });
  const timer = setTimeout(() => socket.destroy(Object.assign(new Error("timeout"), { code: "TIMEOUT" })), answerMs);
  socket.once("data", () => clearTimeout(timer));
  socket.once("close", () => clearTimeout(timer));
  return socket;
}

async function tcpOnce(localPort?: number): Promise<Answer> {
  const since = performance.now();
  const socket = open(localPort);
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

async function udpOnce(bytes: number): Promise<Answer> {
  const since = performance.now();
  const socket = createSocket("udp4");
  socket.connect(target, host);
  try {
    await once(socket, "connect");
    const answer = once(socket, "message", { signal: AbortSignal.timeout(answerMs) });
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
  const socket = open(localPort);
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

const count = Number(rest[0] ?? 1);
const second = rest[1] === undefined ? undefined : Number(rest[1]);
if (command === "tcp") for (let i = 0; i < count; i++) say(await tcpOnce(second));
else if (command === "udp") for (let i = 0; i < count; i++) say(await udpOnce(second ?? 16));
else if (command === "hold") await hold(rest[0] === undefined ? undefined : Number(rest[0]));
else if (command === "udp-hold") await holdUdp();
else throw new Error(`unknown command ${command}`);
