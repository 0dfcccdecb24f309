import { KernelError } from "../kernel.ts";
import {
  AF_NETLINK,
  check,
  errnoName,
  failed,
  lastErrno,
  libc,
  MSG_DONTWAIT,
  MSG_TRUNC,
  onThread,
  SOCK_CLOEXEC,
  SOCK_RAW,
} from "../libc.ts";
import {
  type Message,
  NLM_F_DUMP_INTR,
  NLMSG_DONE,
  NLMSG_ERROR,
  parseError,
  parseMessages,
  setSequence,
} from "./message.ts";

export const NETLINK_ROUTE = 0;
export const NETLINK_NETFILTER = 12;

const SOL_SOCKET = 1;
const SO_RCVBUF = 8;
const SO_RCVBUFFORCE = 33;
const SOL_NETLINK = 270;
const NETLINK_CAP_ACK = 10;
const NETLINK_EXT_ACK = 11;
const NETLINK_GET_STRICT_CHK = 12;

/** The kernel makes no datagram longer than this, however many messages a dump has. */
const datagramBytes = 65_536;
/** Requests of one send: their answers must fit into the socket's receive buffer. */
const batchBytes = 32_768;
const batchRequests = 128;

/** Many small sends in a row must not keep the event loop for longer. */
const turnMs = 1;
const nextTurn = () => new Promise<void>((resolve) => setImmediate(resolve));

/** What came of one request: the messages it was answered with, or why the kernel refused it. */
export interface Answer {
  readonly messages: readonly Message[];
  readonly errno: string | undefined;
  readonly words: string;
}

/** Whether a send may keep the calling thread while the kernel works. */
export type Pace = "quick" | "slow";

/**
 * A netlink socket; it belongs to the namespace the thread is in when it is made. The kernel carries a request out
 * within the send, and its answers wait in the socket by then: so a receive never has to wait.
 */
export class NetlinkSocket implements Disposable {
  readonly fd: number;
  /** The kernel's name for this socket: what it caused is marked with it. */
  readonly port: number;
  /** Of the open sockets of this process, in whatever namespace: ports of other processes are other numbers. */
  static readonly #ports = new Set<number>();
  /** Sends that threads are busy with: they hold the kernel's one lock, for which the calling thread is not to wait. */
  static #slowSends = 0;
  /** How long the calling thread sent without letting anything else have a turn. */
  static #busyMs = 0;

  readonly #buffer = Buffer.allocUnsafeSlow(datagramBytes);
  #sequence = 0;
  #open = true;

  constructor(protocol: number, groups: readonly number[] = []) {
    this.fd = check(libc().socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol), "socket AF_NETLINK");
    try {
      for (const option of [NETLINK_CAP_ACK, NETLINK_EXT_ACK, NETLINK_GET_STRICT_CHK])
        this.#set(SOL_NETLINK, option, 1);
      if (!this.#set(SOL_SOCKET, SO_RCVBUFFORCE, 1 << 21)) this.#set(SOL_SOCKET, SO_RCVBUF, 1 << 21);
      this.port = bindNetlink(this.fd, groups);
      NetlinkSocket.#ports.add(this.port);
    } catch (error) {
      this[Symbol.dispose]();
      throw error;
    }
  }

  /** Whether a notification tells of what a socket of this process did. */
  static isOwn(port: number): boolean {
    return NetlinkSocket.#ports.has(port);
  }

  #set(level: number, option: number, value: number): boolean {
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32LE(value);
    return libc().setsockopt(this.fd, level, option, bytes, 4) === 0;
  }

  /** Joins a group of notifications past the 32nd, or one more. */
  join(group: number): void {
    const NETLINK_ADD_MEMBERSHIP = 1;
    if (!this.#set(SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, group)) throw failed(`join netlink group ${group}`);
  }

  /** Sends requests that are each acknowledged (`NLM_F_ACK`); the answers are in their order. */
  async exchange(requests: readonly Buffer[], pace: Pace = "quick"): Promise<Answer[]> {
    const answers: Answer[] = [];
    for (const batch of batches(requests)) {
      const first = this.#number(batch);
      await this.#send(Buffer.concat(batch), pace);
      answers.push(...this.#answers(first, batch.length));
    }
    return answers;
  }

  /** As `exchange`, at once. */
  exchangeNow(request: Buffer): Answer {
    const first = this.#number([request]);
    check(libc().send(this.fd, request, request.length, 0), "netlink send");
    const [answer] = this.#answers(first, 1);
    return answer as Answer;
  }

  /** All messages of a dump; asks again when the kernel says that the table changed meanwhile. */
  dump(request: Buffer): Promise<Message[]> {
    return this.dumpInto((message) => message, request);
  }

  /** As `dump`, what is wanted of each message being taken as it arrives: a long list is not read in one go. */
  async dumpInto<T>(
    take: (message: Message) => T | undefined,
    request: Buffer,
    pace: Pace = "quick",
    attempts = 5,
  ): Promise<T[]> {
    const sequence = this.#number([request]);
    await this.#send(request, pace);
    const taken: T[] = [];
    let interrupted = false;
    for (;;) {
      for (const message of await this.#receiveDump(pace)) {
        if (message.sequence !== sequence) continue;
        if (message.flags & NLM_F_DUMP_INTR) interrupted = true;
        if (message.type === NLMSG_DONE) {
          return interrupted && attempts > 1 ? this.dumpInto(take, request, pace, attempts - 1) : taken;
        }
        if (message.type === NLMSG_ERROR) throw dumpRefused(message);
        const wanted = take(message);
        if (wanted !== undefined) taken.push(wanted);
      }
    }
  }

  async #send(bytes: Buffer, pace: Pace): Promise<void> {
    if (pace === "quick" && NetlinkSocket.#slowSends === 0) {
      const start = performance.now();
      check(libc().send(this.fd, bytes, bytes.length, 0), "netlink send");
      NetlinkSocket.#busyMs += performance.now() - start;
      if (NetlinkSocket.#busyMs > turnMs) await nextTurn();
      NetlinkSocket.#busyMs = NetlinkSocket.#busyMs > turnMs ? 0 : NetlinkSocket.#busyMs;
      return;
    }
    NetlinkSocket.#slowSends += 1;
    try {
      await onThread(libc().send, "netlink send", this.fd, bytes, bytes.length, 0);
    } finally {
      NetlinkSocket.#slowSends -= 1;
    }
  }

  async #receiveDump(pace: Pace): Promise<Message[]> {
    if (pace === "quick") return this.receive() ?? [];
    const buffer = Buffer.allocUnsafeSlow(datagramBytes);
    const length = await onThread(libc().recv, "netlink recv", this.fd, buffer, buffer.length, MSG_TRUNC);
    return parseMessages(buffer.subarray(0, length));
  }

  /** The next datagram that waits in the socket; undefined when none does. Throws `ENOBUFS` when some were lost. */
  receive(): Message[] | undefined {
    const length = libc().recv(this.fd, this.#buffer, datagramBytes, MSG_DONTWAIT | MSG_TRUNC);
    if (length < 0) {
      if (lastErrno() === "EAGAIN") return undefined;
      throw failed("netlink recv");
    }
    return parseMessages(Buffer.from(this.#buffer.subarray(0, Math.min(length, datagramBytes))));
  }

  /** Numbers the requests and gives the first number. */
  #number(requests: readonly Buffer[]): number {
    const first = this.#sequence + 1;
    for (const request of requests) {
      this.#sequence = (this.#sequence + 1) >>> 0;
      setSequence(request, this.#sequence);
    }
    return first;
  }

  #answers(first: number, count: number): Answer[] {
    const replies = Array.from({ length: count }, (): Message[] => []);
    const answers: (Answer | undefined)[] = Array.from({ length: count });
    for (let missing = count; missing > 0; ) {
      const received = this.receive();
      if (!received) throw new KernelError("ENOBUFS", "netlink: the kernel's answers did not fit into the socket");
      for (const message of received) {
        const index = message.sequence - first;
        const messages = replies[index];
        if (!messages) continue;
        if (message.type !== NLMSG_ERROR) messages.push(message);
        else {
          const { errno, words } = parseError(message);
          answers[index] = { messages, errno: errno === 0 ? undefined : errnoName(errno), words };
          missing -= 1;
        }
      }
    }
    return answers as Answer[];
  }

  [Symbol.dispose](): void {
    if (!this.#open) return;
    this.#open = false;
    libc().close(this.fd);
    setImmediate(() => NetlinkSocket.#ports.delete(this.port)); // what it did last is notified of before
  }
}

/** Binds the socket to a port of the kernel's choice, which is returned. */
function bindNetlink(fd: number, groups: readonly number[]): number {
  const address = Buffer.alloc(12);
  address.writeUInt16LE(AF_NETLINK, 0);
  address.writeUInt32LE(
    groups.reduce((mask, group) => (mask | (1 << (group - 1))) >>> 0, 0),
    8,
  );
  check(libc().bind(fd, address, address.length), "bind AF_NETLINK");
  const length = Buffer.from([12, 0, 0, 0]);
  check(libc().getsockname(fd, address, length), "getsockname");
  return address.readUInt32LE(4);
}

function dumpRefused(message: Message): KernelError {
  const { errno, words } = parseError(message);
  const code = errnoName(errno);
  return new KernelError(code, `netlink dump: ${words || code}`);
}

function* batches(requests: readonly Buffer[]): Generator<Buffer[]> {
  let batch: Buffer[] = [];
  let bytes = 0;
  for (const request of requests) {
    if (batch.length === batchRequests || (batch.length > 0 && bytes + request.length > batchBytes)) {
      yield batch;
      batch = [];
      bytes = 0;
    }
    batch.push(request);
    bytes += request.length;
  }
  if (batch.length > 0) yield batch;
}
