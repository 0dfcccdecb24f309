import { randomInt } from "node:crypto";
import { isIP } from "node:net";
import { type Dialer, resolverAddress } from "./namespace-sockets.ts";
import { headerBytes, type Query, rcode } from "./query.ts";
import { maxReplyBytes, renderReply, renderTruncated, type Transport } from "./reply.ts";
import { askUpstream, type Exchange, type Target } from "./upstream-exchange.ts";
import { UpstreamOrder } from "./upstream-order.ts";

/** As moby. */
const maxTries = 3;
const maxOutstanding = 1024;
/** Of one client: one that floods leaves the others their share. */
const maxOutstandingPerClient = 256;
const tryMs = 2000;
/** As moby: nobody else is left to ask, and some names take their servers long. */
const lastTryMs = 4000;

/** Whom to ask, and from where. */
export interface Upstreams {
  readonly servers: readonly string[];
  readonly dialer: Dialer;
  readonly order: UpstreamOrder;
}

/** What is no address is left out, and so is the resolver itself: asking it would never end. */
export const upstreams = (servers: readonly string[], dialer: Dialer): Upstreams => ({
  servers: servers.filter((server) => isIP(server) !== 0 && server !== resolverAddress),
  dialer,
  order: new UpstreamOrder(),
});

/** All the forwards of the node count against one limit. */
export interface ForwardLimit {
  outstanding: number;
}

/** One client's questions to servers outside the swarm. */
export class Forwarder {
  readonly #limit: ForwardLimit;
  readonly #exchanges = new Set<Exchange>();
  readonly #underWay = new Map<string, Promise<Buffer | undefined>>();
  #waiting = 0;
  #closed = false;

  constructor(limit: ForwardLimit) {
    this.#limit = limit;
  }

  /** The answer for the client: an upstream's with the client's id, or `SERVFAIL` when nobody has one. */
  async forward(query: Query, transport: Transport, upstreams: Upstreams): Promise<Buffer> {
    const fail = (code: typeof rcode.SERVFAIL | typeof rcode.REFUSED) =>
      renderReply(query, { rcode: code, records: [] }, maxReplyBytes(query, transport));
    if (upstreams.servers.length === 0 || this.#closed) return fail(rcode.SERVFAIL);
    if (this.#waiting >= maxOutstandingPerClient) return fail(rcode.REFUSED);
    this.#waiting++;
    try {
      const answer = await this.#join(query, transport, upstreams);
      if (answer === "busy") return fail(rcode.REFUSED);
      return answer === undefined ? fail(rcode.SERVFAIL) : forClient(answer, query, transport);
    } catch {
      return fail(rcode.SERVFAIL);
    } finally {
      this.#waiting--;
    }
  }

  /** Gives up what is under way, with its sockets. */
  close(): void {
    this.#closed = true;
    for (const exchange of this.#exchanges) exchange.cancel();
  }

  /** Questions that are the same but for their id are asked once. */
  async #join(query: Query, transport: Transport, upstreams: Upstreams): Promise<Buffer | "busy" | undefined> {
    const key = transport + query.packet.toString("latin1", 2);
    const known = this.#underWay.get(key);
    if (known !== undefined) return known;
    if (this.#limit.outstanding >= maxOutstanding) return "busy";
    this.#limit.outstanding++;
    const asked = this.#askAll(query, transport, upstreams).finally(() => {
      this.#underWay.delete(key);
      this.#limit.outstanding--;
    });
    this.#underWay.set(key, asked);
    return asked;
  }

  async #askAll(query: Query, transport: Transport, upstreams: Upstreams): Promise<Buffer | undefined> {
    const { order, dialer } = upstreams;
    const servers = order.order(upstreams.servers, Date.now()).slice(0, maxTries);
    for (const [i, server] of servers.entries()) {
      if (this.#closed) return undefined;
      order.asked(server, Date.now());
      const target: Target = { server, dialer, timeoutMs: i === servers.length - 1 ? lastTryMs : tryMs };
      const answer = await this.#ask(target, query, transport);
      if (this.#closed) return undefined;
      if (answer === undefined) {
        order.silent(server, Date.now());
        continue;
      }
      order.answered(server);
      const code = answer.readUInt8(3) & 15;
      if (code !== rcode.SERVFAIL && code !== rcode.REFUSED) return answer;
    }
    return undefined;
  }

  /** By UDP first when the client asked so; what UDP has no room for is asked for again. */
  async #ask(target: Target, query: Query, transport: Transport): Promise<Buffer | undefined> {
    const answer = await this.#exchange(target, query, transport);
    if (transport === "tcp" || answer === undefined || !isTruncated(answer)) return answer;
    return (await this.#exchange(target, query, "tcp")) ?? answer;
  }

  async #exchange(target: Target, query: Query, transport: Transport): Promise<Buffer | undefined> {
    const request = Buffer.from(query.packet);
    request.writeUInt16BE(randomInt(0x10000), 0);
    const exchange = askUpstream(target, request, query.questionEnd, transport);
    this.#exchanges.add(exchange);
    try {
      return await exchange.answered;
    } catch {
      return undefined;
    } finally {
      this.#exchanges.delete(exchange);
    }
  }
}

const isTruncated = (packet: Buffer): boolean => (packet.readUInt8(2) & 2) !== 0;

/** With the id and the question as this client wrote them, and within what it can take. */
export function forClient(answer: Buffer, query: Query, transport: Transport): Buffer {
  if (answer.length > maxReplyBytes(query, transport)) return renderTruncated(query);
  const packet = Buffer.from(answer);
  query.packet.copy(packet, 0, 0, 2);
  if (packet.readUInt16BE(4) === 1) query.packet.copy(packet, headerBytes, headerBytes, query.questionEnd);
  return packet;
}
