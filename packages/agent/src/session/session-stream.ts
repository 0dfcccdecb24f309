import { type ClientHttp2Session, type ClientHttp2Stream, constants } from "node:http2";
import { type AgentMessage, type Clock, type DomainError, JsonLines, jsonLine, type ManagerMessage } from "@skep/model";
import { refusalOf, statusOf, textOf } from "./call.ts";
import { connect } from "./connection.ts";
import type { Identity } from "./identity.ts";

/** A node's full set of tasks is one line. */
const maxLineBytes = 64 * 1024 * 1024;
/** Without an answer for that many heartbeat periods the manager is taken for dead. */
const missedPeriods = 3;
/** Until the manager tells its own. */
const firstPeriodMs = 5000;

export interface SessionStreamOptions {
  readonly addr: string;
  readonly identity: Identity;
  readonly clock: Clock;
  /** In 0…1. */
  readonly random: () => number;
  readonly onMessage: (message: ManagerMessage) => void;
  /** The manager reads again: what was held back may be sent. */
  readonly onDrain: () => void;
  readonly signal: AbortSignal;
}

/**
 * One session on one connection: lines both ways, heartbeats, and the end of it when the manager no longer answers.
 * Made by `open`; over when `closed` resolves.
 */
export class SessionStream {
  readonly connection: ClientHttp2Session;
  /** Resolves with the reason, once. */
  readonly closed: Promise<string>;
  readonly #stream: ClientHttp2Stream;
  readonly #options: SessionStreamOptions;
  readonly #end: (reason: string) => void;
  #periodMs = firstPeriodMs;
  #blocked = false;
  #cancelHeartbeat: (() => void) | undefined;
  /** When the ping was sent that has no answer yet. */
  #unanswered: number | undefined;

  /** Rejects with the manager's refusal, `forbidden` or `unauthorized` for a node it does not accept. */
  static async open(options: SessionStreamOptions): Promise<SessionStream> {
    const { addr, identity, signal } = options;
    const connection = await connect({ addr, rootCaPem: identity.rootCaPem, certificate: identity, signal });
    try {
      const stream = connection.request({ ":method": "POST", ":path": "/session" }, { signal });
      stream.on("error", () => {});
      const giveUp = options.clock.after(missedPeriods * firstPeriodMs, () => stream.close(constants.NGHTTP2_CANCEL));
      const status = await statusOf(stream).finally(giveUp);
      if (status !== 200) throw refusalOf(status, await textOf(stream));
      return new SessionStream(connection, stream, options);
    } catch (error) {
      connection.destroy();
      throw error;
    }
  }

  private constructor(connection: ClientHttp2Session, stream: ClientHttp2Stream, options: SessionStreamOptions) {
    const { promise, resolve } = Promise.withResolvers<string>();
    this.connection = connection;
    this.closed = promise;
    this.#stream = stream;
    this.#options = options;
    this.#end = (reason) => {
      this.#cancelHeartbeat?.();
      connection.destroy();
      resolve(reason);
    };
    const lines = new JsonLines(maxLineBytes);
    stream.on("data", (chunk: Buffer) => this.#read(lines, chunk));
    stream.on("drain", () => {
      this.#blocked = false;
      options.onDrain();
    });
    stream.on("close", () => this.#end("the connection was closed"));
    this.#beatLater();
  }

  /** True while the manager does not read; what is sent nevertheless piles up in memory. */
  get blocked(): boolean {
    return this.#blocked;
  }

  send(message: AgentMessage): void {
    if (this.#stream.writable && !this.#stream.write(jsonLine(message))) this.#blocked = true;
  }

  /** Gives the session up. */
  end(reason: string): void {
    this.#end(reason);
  }

  setPeriod(periodMs: number): void {
    if (periodMs === this.#periodMs) return;
    this.#periodMs = periodMs;
    this.#cancelHeartbeat?.();
    this.#beatLater();
  }

  #read(lines: JsonLines, chunk: Buffer): void {
    try {
      for (const value of lines.push(chunk)) {
        const message = value as ManagerMessage;
        if (message.type === "end") this.#end(message.reason);
        else this.#options.onMessage(message);
      }
    } catch (error) {
      this.#end(`malformed message: ${(error as Error).message}`);
    }
  }

  #beatLater(): void {
    const { clock, random } = this.#options;
    const delayMs = this.#periodMs * (0.9 + 0.2 * random());
    const dueMs = clock.now() + delayMs;
    this.#cancelHeartbeat = clock.after(delayMs, () => {
      this.#checkAnswer(clock.now() - dueMs);
      if (this.#stream.destroyed) return;
      this.send({ type: "heartbeat" });
      this.#ping();
      this.#beatLater();
    });
  }

  /** An answer may wait unread in the socket when this process itself was late. */
  #checkAnswer(lateMs: number): void {
    if (this.#unanswered === undefined) return;
    const nowMs = this.#options.clock.now();
    if (Math.abs(lateMs) > this.#periodMs) this.#unanswered = nowMs;
    else if (nowMs - this.#unanswered >= missedPeriods * this.#periodMs) this.#end("the manager does not answer");
  }

  #ping(): void {
    if (this.#unanswered !== undefined || this.connection.destroyed) return;
    this.#unanswered = this.#options.clock.now();
    this.connection.ping((error) => {
      if (!error) this.#unanswered = undefined;
    });
  }
}

/** The manager knows us and will not have us: trying again changes nothing until someone acts. */
export const isRejection = ({ code }: DomainError): boolean => code === "forbidden" || code === "unauthorized";
