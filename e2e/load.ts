import { connect, type Socket } from "node:net";
import { createInterface } from "node:readline";

// HTTP requests from somewhere, as a process of its own: node e2e/load.ts HOST PORT REQUESTS-PER-SECOND [PATH [NEW]]. Every
// NEW-th request (fourth) has a connection of its own, the others use some that are kept. Ends when its standard input does, at the latest after two minutes,
// and prints what came of them. HTTP is written and read by hand: the client must not be what takes the time.

const [host = "", port = "", rate = "", path = "/", every = "4"] = process.argv.slice(2);
const patienceMs = 5000;
const tickMs = 5;
const longestMs = 120_000;
/** A machine that is busy with something else gets fewer requests, not all of them later. */
const mostAtOnce = 100;

const failures: Record<string, { count: number; firstMs: number; lastMs: number }> = {};
const tasks: Record<string, number> = {};
const idle: { readonly socket: Socket; readonly use: () => Socket }[] = [];
const startedAt = performance.now();
let done = 0;
let running = 0;
let slowestMs = 0;
let retried = 0;

/** The times are those at which the requests were begun. */
function fail(reason: string, since: number): void {
  const atMs = Math.round(since - startedAt);
  const known = failures[reason] ?? { count: 0, firstMs: atMs, lastMs: atMs };
  const { firstMs, lastMs } = known;
  failures[reason] = { count: known.count + 1, firstMs: Math.min(firstMs, atMs), lastMs: Math.max(lastMs, atMs) };
}

const requestOf = (isKept: boolean) =>
  `GET ${path} HTTP/1.1\r\nHost: ${host}\r\n${isKept ? "" : "Connection: close\r\n"}\r\n`;

/** `HOSTNAME CLIENT`, once all of the answer is there. */
function bodyOf(text: string): string | undefined {
  const head = text.indexOf("\r\n\r\n");
  const length = Number(/content-length: (\d+)/i.exec(text)?.[1] ?? Number.NaN);
  return head >= 0 && text.length >= head + 4 + length ? text.slice(head + 4) : undefined;
}

/** In two parts: a process that was kept from running reads what has come meanwhile before it gives up. */
function impatient(giveUp: () => void): () => void {
  let timer = setTimeout(() => {
    timer = setTimeout(giveUp, patienceMs / 10);
  }, patienceMs);
  return () => clearTimeout(timer);
}

function ask(isKept: boolean): void {
  const since = performance.now();
  const reused = isKept ? idle.shift()?.use() : undefined;
  const socket = reused ?? connect({ host, port: Number(port), noDelay: true });
  let text = "";
  running++;
  const calm = impatient(() => over("timeout"));
  const onData = (data: Buffer) => {
    text += data;
    if (bodyOf(text) !== undefined) over();
  };
  const onError = (error: NodeJS.ErrnoException) => over(error.code ?? error.message);
  const onEnd = () => over("closed");
  function over(reason?: string): void {
    calm();
    socket.off("data", onData).off("error", onError).off("close", onEnd);
    running--;
    slowestMs = Math.max(slowestMs, performance.now() - since);
    if (reason !== undefined) {
      socket.on("error", () => {}).destroy();
      // as every client does with a kept connection that the server closes at the same time (RFC 9112, 9.3.1)
      if (!reused || text !== "" || reason === "timeout") fail(`${isKept ? "kept" : "new"} ${reason}`, since);
      else {
        retried++;
        ask(isKept);
      }
      return;
    }
    done++;
    const task = bodyOf(text)?.split(" ")[0] ?? "";
    tasks[task] = (tasks[task] ?? 0) + 1;
    if (!text.startsWith("HTTP/1.1 200")) fail(text.split("\r\n")[0] ?? "", since);
    if (isKept && !/connection: close/i.test(text)) keep(socket);
    else socket.on("error", () => {}).end();
  }
  socket.on("data", onData).on("error", onError).on("close", onEnd);
  socket.write(requestOf(isKept));
}

/** What ends while nobody uses it is forgotten. */
function keep(socket: Socket): void {
  const forget = () => {
    const at = idle.findIndex((one) => one.socket === socket);
    if (at >= 0) idle.splice(at, 1);
    socket.destroy();
  };
  socket.on("end", forget).on("error", forget).on("close", forget);
  idle.push({ socket, use: () => socket.off("end", forget).off("error", forget).off("close", forget) });
}

let sent = 0;
let due = 0;
let tickedAt = performance.now();
const timer = setInterval(() => {
  const now = performance.now();
  due = Math.min(due + (Number(rate) * (now - tickedAt)) / 1000, mostAtOnce);
  tickedAt = now;
  for (; due >= 1 && running < mostAtOnce; due--) ask(sent++ % Number(every) !== 0);
}, tickMs);

let isEnding = false;
function end(): void {
  if (isEnding) return;
  isEnding = true;
  clearInterval(timer);
  const loadedMs = performance.now() - startedAt;
  const wait = setInterval(() => {
    if (running > 0) return;
    clearInterval(wait);
    const perSecond = Math.round(done / (loadedMs / 1000));
    const result = { done, failures, tasks, retried, slowestMs: Math.round(slowestMs), perSecond };
    process.stdout.write(`${JSON.stringify(result)}\n`, () => process.exit(0));
  }, 10);
}

createInterface(process.stdin).on("close", end);
setTimeout(end, longestMs);
