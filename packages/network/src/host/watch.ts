import { hasCode } from "@skep/model";
import koffi, { type node } from "koffi";
import type { NetlinkRequest } from "./kernel.ts";
import { decodeFdb, decodeLink, decodeRoute } from "./netlink/decode.ts";
import type { Message } from "./netlink/message.ts";
import * as rt from "./netlink/rtnetlink.ts";
import { RTM } from "./netlink/rtnetlink.ts";
import { NETLINK_NETFILTER, NETLINK_ROUTE, NetlinkSocket } from "./netlink/socket.ts";

export type Change = "link" | "address" | "route" | "neighbour" | "rule" | "nft";

/** Groups of rtnetlink: links, neighbours and FDB entries, IPv4 addresses, routes and rules. */
const routeGroups = [1, 3, 5, 7, 8];
const NFNLGRP_NFTABLES = 7;
const NFT_MSG_NEWGEN = 0x0a0f;
const routeChanges: readonly Change[] = ["link", "address", "route", "neighbour", "rule"];

/**
 * Tells of changes that others make in the namespace it is made in. The event loop itself waits for the two sockets.
 *
 * What this process does is known by the netlink port of its sockets, which the kernel puts on the notifications. What
 * the kernel does in consequence has no port: it is notified of before the request is answered, so notifications without
 * a port are ours when they are of the expected kind and arrive while a request is under way.
 */
export class Watcher implements Disposable {
  readonly #onChange: (what: Change) => void;
  readonly #isOwnNft: (port: number) => Promise<boolean>;
  readonly #route = new NetlinkSocket(NETLINK_ROUTE, routeGroups);
  readonly #nft = new NetlinkSocket(NETLINK_NETFILTER);
  readonly #polls: node.PollHandle[];
  /** What matters of each link: carriers come and go without anybody's doing. */
  readonly #links = new Map<number, string>();
  readonly #expected = new Map<Change, number>();
  #closed = false;

  constructor(onChange: (what: Change) => void, isOwnNft: (port: number) => Promise<boolean>) {
    this.#onChange = onChange;
    this.#isOwnNft = isOwnNft;
    this.#nft.join(NFNLGRP_NFTABLES);
    this.#polls = [
      koffi.node.poll(this.#route.fd, { readable: true }, () => this.#readRoute()),
      koffi.node.poll(this.#nft.fd, { readable: true }, () => void this.#readNft()),
    ];
    for (const poll of this.#polls) poll.unref();
  }

  /** The links that are there already, listed after the watch began. */
  learnLinks(messages: readonly Parameters<typeof fingerprint>[0][]): void {
    for (const link of messages) if (!this.#links.has(link.index)) this.#links.set(link.index, fingerprint(link));
  }

  /** Carries out what this process asks of the namespace without telling of its consequences. */
  async quietly<T>(requests: readonly NetlinkRequest[], work: () => Promise<T>): Promise<T> {
    const changes = new Set(requests.flatMap(consequences));
    this.#readRoute(); // what came before is not of our making
    for (const change of changes) this.#expected.set(change, (this.#expected.get(change) ?? 0) + 1);
    try {
      return await work();
    } finally {
      this.#readRoute();
      for (const change of changes) this.#expected.set(change, (this.#expected.get(change) ?? 1) - 1);
    }
  }

  #readRoute(): void {
    if (this.#closed) return;
    const seen = new Set<Change>();
    const complete = drain(this.#route, (message) => {
      const change = this.#foreignChange(message);
      if (change) seen.add(change);
    });
    for (const change of complete ? seen : routeChanges) this.#onChange(change);
  }

  #foreignChange(message: Message): Change | undefined {
    const change = this.#changeOf(message);
    if (!change || NetlinkSocket.isOwn(message.port)) return undefined;
    return message.port === 0 && this.#expected.get(change) ? undefined : change;
  }

  #changeOf(message: Message): Change | undefined {
    switch (message.type) {
      case RTM.newLink:
      case RTM.deleteLink:
        return this.#linkChanged(message) ? "link" : undefined;
      case RTM.newAddress:
      case RTM.deleteAddress:
        return "address";
      case RTM.newRoute:
      case RTM.deleteRoute:
        return decodeRoute(message, new Map()) && "route";
      case RTM.newNeighbour:
      case RTM.deleteNeighbour:
        return isLasting(message) ? "neighbour" : undefined;
      case RTM.newRule:
      case RTM.deleteRule:
        return "rule";
      default:
        return undefined;
    }
  }

  #linkChanged(message: Message): boolean {
    if (message.body.readUInt8(0) === rt.PF_BRIDGE) return false; // of a bridge's port
    const link = decodeLink(message);
    if (message.type === RTM.deleteLink) return this.#links.delete(link.index) || true;
    const before = this.#links.get(link.index);
    this.#links.set(link.index, fingerprint(link));
    return before !== fingerprint(link);
  }

  async #readNft(): Promise<void> {
    if (this.#closed) return;
    const ports = new Set<number>();
    const complete = drain(this.#nft, ({ type, port }) => {
      if (type === NFT_MSG_NEWGEN) ports.add(port);
    });
    const own = await Promise.all([...ports].map((port) => this.#isOwnNft(port)));
    if (!this.#closed && (!complete || own.includes(false))) this.#onChange("nft");
  }

  [Symbol.dispose](): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const poll of this.#polls) poll.close();
    this.#route[Symbol.dispose]();
    this.#nft[Symbol.dispose]();
  }
}

/** Reads what waits in the socket; false when the kernel had to drop some. */
function drain(socket: NetlinkSocket, take: (message: Message) => void): boolean {
  let complete = true;
  for (;;) {
    try {
      const messages = socket.receive();
      if (!messages) return complete;
      for (const message of messages) take(message);
    } catch (error) {
      if (!hasCode(error, "ENOBUFS")) throw error;
      complete = false; // what follows can be read
    }
  }
}

const fingerprint = ({
  name,
  mac,
  mtu,
  up,
}: {
  readonly index: number;
  name: string;
  mac: string;
  mtu: number;
  up: boolean;
}) => `${name} ${mac} ${mtu} ${up}`;

/** Neighbours that the kernel finds and forgets are nobody's doing. */
function isLasting(message: Message): boolean {
  const family = message.body.readUInt8(0);
  if (family === rt.PF_BRIDGE) return decodeFdb(message, new Map()) !== undefined;
  if (family !== rt.AF_INET) return false;
  return message.port !== 0 || (message.body.readUInt16LE(8) & rt.NUD_PERMANENT) !== 0;
}

/** What the kernel changes by itself in the course of a request. */
function consequences(request: NetlinkRequest): readonly Change[] {
  switch (request.do) {
    case "add-veth":
    case "add-vxlan":
    case "set-link":
    case "delete-link":
      return ["link", "address", "route", "neighbour"];
    case "add-address":
    case "delete-address":
      return ["address", "route"];
    case "put-fdb":
    case "delete-fdb":
      return ["neighbour"];
    default:
      return [];
  }
}
