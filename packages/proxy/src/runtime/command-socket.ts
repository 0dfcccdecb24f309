import { existsSync } from "node:fs";
import { connect } from "node:net";
import { StringDecoder } from "node:string_decoder";
import { type Clock, hasCode, pause } from "@skep/model";

/** A command without an answer. */
export class SocketFailure extends Error {
  override readonly name = "SocketFailure";
  /** Whether HAProxy may have carried the command out nevertheless. */
  readonly sent: boolean;
  constructor(message: string, sent: boolean) {
    super(message);
    this.sent = sent;
  }
}

export interface Patience {
  readonly clock: Clock;
  readonly patienceMs: number;
  readonly signal: AbortSignal;
}

const answerTimeoutMs = 5000;
/** As much as HAProxy says at a time. */
const chunkBytes = 16_384;
const retryMs = 5;

/** HAProxy's way of saying that nobody listens: while it starts, and for a moment in each reload. */
const isRefusal = (error: unknown) => hasCode(error, "ECONNREFUSED", "ENOENT", "EAGAIN");

/** One of HAProxy's command sockets: `admin.sock` of the newest worker, or `master.sock`. One command, one connection. */
export class CommandSocket {
  readonly #path: string;
  readonly #master: CommandSocket | undefined;

  /** `master` passes commands on to the newest worker when somebody has removed the worker's own socket. */
  constructor(path: string, master?: CommandSocket) {
    this.#path = path;
    this.#master = master;
  }

  /**
   * What HAProxy says to one command, or to several with `;` between them. A payload (`<<`, lines, an empty line) ends
   * the command. The half-close matters: the master's socket never hangs up by itself. Throws `SocketFailure`.
   */
  async ask(command: string, timeoutMs: number = answerTimeoutMs): Promise<string> {
    if (this.#master && !existsSync(this.#path)) return this.#master.ask(byMaster(command), timeoutMs);
    return new Promise((resolve, reject) => {
      const decoder = new StringDecoder();
      let answer = "";
      let sent = false;
      const fail = (message: string) => reject(new SocketFailure(`${this.#path}: ${message}`, sent));
      // one buffer for all of an answer, which is half a megabyte where all services are counted
      const buffer = Buffer.allocUnsafe(chunkBytes);
      const callback = (length: number) => {
        answer += decoder.write(buffer.subarray(0, length));
        return true;
      };
      const socket = connect({ path: this.#path, allowHalfOpen: true, onread: { buffer, callback } });
      const deadline = setTimeout(() => socket.destroy(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs);
      socket.on("connect", () => {
        sent = true;
        socket.end(command.endsWith("\n\n") ? command : `${command}\n`);
      });
      socket.on("error", (error) => fail(isRefusal(error) ? "nobody listens" : error.message));
      socket.on("close", () => {
        clearTimeout(deadline);
        answer += decoder.end();
        if (answer !== "") resolve(answer);
        else fail("closed without an answer");
      });
    });
  }

  /** For commands that only show something: asks again until the answer pleases; undefined when patience ends. */
  async askUntil<T>(
    command: string,
    read: (answer: string) => T | undefined,
    { clock, patienceMs, signal }: Patience,
  ): Promise<T | undefined> {
    const untilMs = clock.now() + patienceMs;
    while (!signal.aborted) {
      const answer = await this.askOrNothing(command);
      const result = answer === undefined ? undefined : read(answer);
      if (result !== undefined) return result;
      if (clock.now() >= untilMs) return undefined;
      await pause(clock, retryMs, signal);
    }
    return undefined;
  }

  /** The answer; undefined when there is none now. */
  async askOrNothing(command: string, timeoutMs: number = answerTimeoutMs): Promise<string | undefined> {
    try {
      return await this.ask(command, timeoutMs);
    } catch (error) {
      if (error instanceof SocketFailure) return undefined;
      throw error;
    }
  }
}

/** Each command for the newest worker, as the master takes it; a payload belongs to the command before it. */
const byMaster = (command: string): string =>
  command.includes("<<")
    ? `@1 ${command}`
    : command
        .split(";")
        .map((each) => `@1 ${each.trim()}`)
        .join(";");

/** The lines of an answer that say something: HAProxy puts empty ones between answers, and not always. */
export const answerLines = (answer: string): string[] =>
  answer
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "");

/** HAProxy drops longer commands and payloads without a word: its buffer is 16 kB. */
export const longestCommand = 12_000;

/** Joins texts into as few as possible, none longer than HAProxy takes. A text that is longer stands alone. */
export function inBatches(texts: readonly string[], separator: string, longest: number = longestCommand): string[] {
  const batches: string[] = [];
  let batch = "";
  for (const text of texts) {
    const joined = batch === "" ? text : batch + separator + text;
    if (Buffer.byteLength(joined) <= longest) batch = joined;
    else {
      if (batch !== "") batches.push(batch);
      batch = text;
    }
  }
  return batch === "" ? batches : [...batches, batch];
}
