import type { Socket } from "node:net";
import { withLength } from "./upstream-exchange.ts";

/** The answer to a packet, now or later; undefined when it deserves none. Neither throws nor rejects. */
export type Handle = (packet: Buffer) => Buffer | Promise<Buffer> | undefined;

const idleMs = 10_000;
/** Longer questions are nobody's; the limit bounds what a connection can make us keep. */
const maxQueryBytes = 4096;
const maxPending = 64;
const maxUnsentBytes = 256 * 1024;

/**
 * One client's connection (RFC 7766): any number of questions, each answered as soon as its answer is there, until the
 * client has said its last and was answered, or says nothing for long. The socket must allow to be half open.
 */
export class TcpConnection {
  readonly #socket: Socket;
  readonly #handle: Handle;
  #received: Buffer = Buffer.alloc(0);
  #pending = 0;
  #ended = false;

  constructor(socket: Socket, handle: Handle) {
    this.#socket = socket;
    this.#handle = handle;
    socket.setNoDelay(true);
    socket.setTimeout(idleMs, () => socket.destroy());
    socket.on("error", () => socket.destroy());
    socket.on("drain", () => this.#proceed());
    socket.on("data", (chunk: Buffer) => {
      this.#received = this.#received.length === 0 ? chunk : Buffer.concat([this.#received, chunk]);
      this.#proceed();
    });
    socket.on("end", () => {
      this.#ended = true;
      this.#proceed();
    });
  }

  #proceed(): void {
    while (!this.#isBusy()) {
      const packet = this.#next();
      if (packet === undefined) break;
      const answer = this.#handle(packet);
      if (answer instanceof Promise) void this.#answerLater(answer);
      else if (answer !== undefined) this.#write(answer);
    }
    if (this.#socket.destroyed) return;
    if (this.#isBusy()) this.#socket.pause();
    else if (this.#socket.isPaused()) this.#socket.resume();
    if (this.#ended && this.#pending === 0 && !this.#isBusy()) this.#socket.end();
  }

  /** What came in stays unread while too much is waiting for its answer, or for a client that does not read. */
  #isBusy(): boolean {
    return this.#pending >= maxPending || this.#socket.writableLength >= maxUnsentBytes;
  }

  #next(): Buffer | undefined {
    if (this.#socket.destroyed || this.#received.length < 2) return undefined;
    const end = 2 + this.#received.readUInt16BE(0);
    if (end === 2 || end > 2 + maxQueryBytes) {
      this.#socket.destroy();
      return undefined;
    }
    if (this.#received.length < end) return undefined;
    const packet = this.#received.subarray(2, end);
    this.#received = this.#received.subarray(end);
    return packet;
  }

  async #answerLater(answer: Promise<Buffer>): Promise<void> {
    this.#pending++;
    const packet = await answer;
    this.#pending--;
    this.#write(packet);
    this.#proceed();
  }

  #write(packet: Buffer): void {
    if (!this.#socket.destroyed) this.#socket.write(withLength(packet));
  }
}
