import { closeSync } from "node:fs";
import { hasCode } from "@skep/model";
import { Shortcuts } from "../bpf/shortcuts.ts";
import {
  type DeviceFilters,
  type FdbEntry,
  type InterfaceAddress,
  KernelError,
  type Link,
  type NamespacePath,
  type Neighbour,
  type NetlinkRequest,
  type PolicyRule,
  type Route,
} from "../kernel.ts";
import { openNamespace } from "../netns.ts";
import * as decode from "./decode.ts";
import { describeRequest } from "./describe.ts";
import { encodeRequest, getFilter, getLink } from "./encode.ts";
import { type Existing, settleExisting } from "./existing.ts";
import { type Message, message, NLM_F_DUMP } from "./message.ts";
import * as rt from "./rtnetlink.ts";
import { RTM } from "./rtnetlink.ts";
import { type Answer, NETLINK_ROUTE, NetlinkSocket } from "./socket.ts";

/** Changes and lists the links, addresses, routes, neighbours and rules of the namespace it is made in. */
export class RouteClient implements Disposable {
  readonly #socket = new NetlinkSocket(NETLINK_ROUTE);
  readonly #namespaceFd: number;
  readonly #shortcuts: Shortcuts;

  /** The descriptor stays the caller's; it must be of the thread's namespace. */
  constructor(namespaceFd: number) {
    this.#namespaceFd = namespaceFd;
    this.#shortcuts = new Shortcuts(namespaceFd);
  }

  /** Carries the requests out in order. Calls must not overlap. */
  async apply(requests: readonly NetlinkRequest[]): Promise<void> {
    using batch = new Batch(this.#socket, this.#namespaceFd, this.#shortcuts);
    for (const request of requests) await batch.add(request);
    await batch.flush();
    batch.throwFailures();
  }

  async links(): Promise<Link[]> {
    return (await this.#dump(RTM.getLink, rt.linkHeader())).map(decode.decodeLink);
  }

  async addresses(): Promise<InterfaceAddress[]> {
    const names = await this.#names();
    const messages = await this.#dump(RTM.getAddress, rt.addressHeader());
    return messages.map((message) => decode.decodeAddress(message, names));
  }

  async routes(): Promise<Route[]> {
    return this.#list(RTM.getRoute, rt.routeHeader(), decode.decodeRoute);
  }

  async neighbours(): Promise<Neighbour[]> {
    return this.#list(RTM.getNeighbour, rt.neighbourHeader(rt.AF_INET), decode.decodeNeighbour);
  }

  async fdb(): Promise<FdbEntry[]> {
    return this.#list(RTM.getNeighbour, rt.neighbourHeader(rt.PF_BRIDGE), decode.decodeFdb);
  }

  async rules(): Promise<PolicyRule[]> {
    return this.#list(RTM.getRule, rt.ruleHeader(), decode.decodeRule);
  }

  async filters(): Promise<DeviceFilters> {
    const names = await this.#names();
    const found = new Set((await this.#dump(RTM.getDiscipline, rt.trafficHeader())).map(decode.decodeClsact));
    const clsacts = [...names].filter(([index]) => found.has(index));
    const sides = clsacts.flatMap(([index, device]) => [
      { index, device, side: "ingress" as const },
      { index, device, side: "egress" as const },
    ]);
    const answers = await this.#socket.exchange(sides.map(({ index, side }) => getFilter(index, side)));
    const there = sides.flatMap(({ device, side }, i) => {
      const [message] = answers[i]?.messages ?? [];
      return message ? [{ device, side, ...decode.decodeFilter(message) }] : [];
    });
    return { clsacts: clsacts.map(([, device]) => device), filters: this.#shortcuts.recognize(there) };
  }

  async #list<T>(
    type: number,
    header: Buffer,
    read: (message: Message, names: decode.LinkNames) => T | undefined,
  ): Promise<T[]> {
    const names = await this.#names();
    const messages = await this.#dump(type, header);
    return messages.map((message) => read(message, names)).filter((entry) => entry !== undefined);
  }

  async #names(): Promise<decode.LinkNames> {
    return new Map((await this.links()).map(({ index, name }) => [index, name]));
  }

  #dump(type: number, header: Buffer): Promise<Message[]> {
    return this.#socket.dump(message(type, NLM_F_DUMP, header));
  }

  [Symbol.dispose](): void {
    this.#shortcuts[Symbol.dispose]();
    this.#socket[Symbol.dispose]();
  }
}

interface Pending {
  readonly request: NetlinkRequest;
  readonly bytes: Buffer;
}

/** Requests on their way: collected as long as none depends on the outcome of one before it. */
class Batch implements Disposable {
  readonly #socket: NetlinkSocket;
  readonly #namespaceFd: number;
  readonly #indices = new Map<string, number>();
  readonly #namespaceFds = new Map<NamespacePath, number>();
  readonly #failures: { readonly request: NetlinkRequest; readonly error: KernelError }[] = [];
  readonly #replaced = new Set<NetlinkRequest>();
  readonly #shortcuts: Shortcuts;
  #pending: Pending[] = [];

  constructor(socket: NetlinkSocket, namespaceFd: number, shortcuts: Shortcuts) {
    this.#socket = socket;
    this.#namespaceFd = namespaceFd;
    this.#shortcuts = shortcuts;
  }

  async add(request: NetlinkRequest): Promise<void> {
    try {
      if ("device" in request && request.device !== undefined) await this.#resolve(request.device);
      const bytes = encodeRequest(request, {
        linkIndex: (name) => this.#indices.get(name) ?? 0,
        namespaceFd: (path) => this.#openNamespace(path),
        filterFd: (filter, index) => this.#shortcuts.programFor(filter, index),
      });
      this.#pending.push({ request, bytes });
      if (request.do === "delete-link") this.#indices.clear(); // a veth takes its other end along
    } catch (error) {
      if (!(isDeletion(request) && hasCode(error, ...gone))) this.#fail(request, error);
    }
  }

  /** Finds the index of a link once; what was asked before may make it, so that goes first. */
  async #resolve(name: string): Promise<void> {
    if (this.#indices.has(name)) return;
    await this.flush();
    const [answer] = await this.#socket.exchange([getLink(name)]);
    const found = answer?.messages[0];
    if (!found) throw new KernelError("ENODEV", `Cannot find device "${name}"`);
    this.#indices.set(name, decode.decodeLink(found).index);
  }

  #openNamespace(path: NamespacePath): number {
    let fd = this.#namespaceFds.get(path);
    if (fd === undefined) {
      fd = openNamespace(path).fd;
      this.#namespaceFds.set(path, fd);
    }
    return fd;
  }

  async flush(): Promise<void> {
    const pending = this.#pending;
    this.#pending = [];
    if (pending.length > 0) await this.#send(pending);
  }

  async #send(pending: readonly Pending[]): Promise<void> {
    const slow = pending.some(({ request }) => isSlow(request));
    const answers = await this.#socket.exchange(
      pending.map(({ bytes }) => bytes),
      slow ? "slow" : "quick",
    );
    for (const [index, { request }] of pending.entries()) {
      const answer = answers[index];
      if (answer?.errno === undefined || isFine(request, answer.errno)) continue;
      const existing = answer.errno === "EEXIST" ? await this.#settle(request) : "refused";
      if (existing === "replaced") return this.#send(pending.slice(index)); // what followed may have gone with it
      if (existing === "refused") this.#fail(request, refused(answer));
    }
  }

  /** Replaces what is in the way once; when it is there again, somebody else wants it. */
  async #settle(request: NetlinkRequest): Promise<Existing> {
    if (this.#replaced.has(request)) return "refused";
    const existing = await settleExisting(request, this.#socket, this.#namespaceFd);
    if (existing === "replaced") this.#replaced.add(request);
    return existing;
  }

  #fail(request: NetlinkRequest, error: unknown): void {
    const code = error instanceof Error && "code" in error ? String(error.code) : "EINVAL";
    const message = error instanceof Error ? error.message : String(error);
    this.#failures.push({ request, error: new KernelError(code, message, { cause: error }) });
  }

  throwFailures(): void {
    const [first] = this.#failures;
    if (!first) return;
    const lines = this.#failures.map(({ request, error }) => `${describeRequest(request)}: ${error.message}`);
    throw new KernelError(first.error.code, lines.join("\n"), { cause: first.error });
  }

  [Symbol.dispose](): void {
    for (const fd of this.#namespaceFds.values()) closeSync(fd);
  }
}

/** The kernel waits until no processor looks at the link any more: some 15 ms. */
const isSlow = (request: NetlinkRequest) =>
  request.do === "delete-link" || (request.do === "set-link" && request.up === false);

const isDeletion = ({ do: verb }: NetlinkRequest) => verb.startsWith("delete-");

/** What the kernel says when there is nothing to delete. */
const gone: readonly string[] = ["ENODEV", "ENOENT", "ESRCH", "EADDRNOTAVAIL"];

const isFine = (request: NetlinkRequest, errno: string) => isDeletion(request) && gone.includes(errno);

function refused({ errno = "EIO", words }: Answer): KernelError {
  return new KernelError(errno, words ? `${errno} (${words})` : errno);
}
