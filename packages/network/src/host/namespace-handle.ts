import { closeSync } from "node:fs";
import { ConnectionTable } from "./conntrack.ts";
import {
  type ConnectionFilter,
  type DeviceFilters,
  type FdbEntry,
  type InterfaceAddress,
  KernelError,
  type Link,
  type Namespace,
  type NamespacePath,
  type Neighbour,
  type NetlinkRequest,
  type PolicyRule,
  type Route,
} from "./kernel.ts";
import { RouteClient } from "./netlink/route-client.ts";
import { enterNamespace, openNamespace } from "./netns.ts";
import type { NftRunner } from "./nft.ts";
import { writeSysctls } from "./sysctl.ts";
import { type Change, Watcher } from "./watch.ts";

let lastContext = 0;

/** An open namespace with the sockets that were made in it. */
export class NamespaceHandle implements Namespace {
  readonly path: NamespacePath;
  readonly inode: number;
  readonly #fd: number;
  readonly #nft: NftRunner;
  readonly #context = ++lastContext;
  readonly #siblings: Set<NamespaceHandle>;
  #route: RouteClient | undefined;
  #connections: ConnectionTable | undefined;
  #connectionTail: Promise<unknown> = Promise.resolve();
  readonly #watchers = new Set<Watcher>();
  /** What was asked of the route socket last: it carries one thing out after the other. */
  #tail: Promise<unknown> = Promise.resolve();
  #closed: Promise<void> | undefined;

  /** `siblings`: all open handles, this one among them as long as it is open. */
  constructor(path: NamespacePath, nft: NftRunner, siblings: Set<NamespaceHandle>) {
    const { fd, inode } = openNamespace(path);
    this.path = path;
    this.inode = inode;
    this.#fd = fd;
    this.#nft = nft;
    this.#siblings = siblings;
    siblings.add(this);
  }

  netlink(requests: readonly NetlinkRequest[]): Promise<void> {
    return this.#queue((route) => this.#quietlyEverywhere(requests, () => route.apply(requests)));
  }

  links(): Promise<readonly Link[]> {
    return this.#queue((route) => route.links());
  }

  addresses(): Promise<readonly InterfaceAddress[]> {
    return this.#queue((route) => route.addresses());
  }

  routes(): Promise<readonly Route[]> {
    return this.#queue((route) => route.routes());
  }

  neighbours(): Promise<readonly Neighbour[]> {
    return this.#queue((route) => route.neighbours());
  }

  fdb(): Promise<readonly FdbEntry[]> {
    return this.#queue((route) => route.fdb());
  }

  rules(): Promise<readonly PolicyRule[]> {
    return this.#queue((route) => route.rules());
  }

  filters(): Promise<DeviceFilters> {
    return this.#queue((route) => route.filters());
  }

  async nft(script: string): Promise<void> {
    this.#mustBeOpen();
    await this.#nft.run(this.#context, this.#fd, script, this.#isWatched());
  }

  #isWatched(): boolean {
    return [...this.#siblings].some((handle) => handle.inode === this.inode && handle.#watchers.size > 0);
  }

  async nftJson(command: string): Promise<unknown> {
    this.#mustBeOpen();
    return this.#nft.json(this.#context, this.#fd, command);
  }

  sysctls(values: Readonly<Record<string, string>>): string[] {
    return this.enter(() => writeSysctls(values));
  }

  forgetConnections(...filters: readonly ConnectionFilter[]): Promise<number> {
    const result = this.#connectionTail.then(() => {
      this.#mustBeOpen();
      this.#connections ??= this.enter(() => new ConnectionTable());
      return this.#connections.forget(...filters);
    });
    this.#connectionTail = result.catch(() => {});
    return result;
  }

  watch(onChange: (what: Change) => void): Disposable {
    const watcher = this.enter(() => new Watcher(onChange, (port) => this.#nft.isOwn(port)));
    this.#watchers.add(watcher);
    this.links().then(
      (links) => watcher.learnLinks(links),
      () => {}, // it is being closed
    );
    return {
      [Symbol.dispose]: () => {
        this.#watchers.delete(watcher);
        watcher[Symbol.dispose]();
      },
    };
  }

  /** Carries out a change that shows in this namespace without telling its watchers. */
  quietly<T>(requests: readonly NetlinkRequest[], work: () => Promise<T>): Promise<T> {
    const inner = [...this.#watchers].reduce<() => Promise<T>>(
      (next, watcher) => () => watcher.quietly(requests, next),
      work,
    );
    return inner();
  }

  enter<T>(work: () => T): T {
    this.#mustBeOpen();
    return enterNamespace(this.#fd, work);
  }

  /** Links may be put into other namespaces. */
  #quietlyEverywhere<T>(requests: readonly NetlinkRequest[], work: () => Promise<T>): Promise<T> {
    const paths = requests.map((request) => {
      if (request.do === "add-veth") return request.peer.in;
      return request.do === "add-vxlan" ? request.in : this.path;
    });
    const others = [...this.#siblings].filter((handle) => handle.inode === this.inode || paths.includes(handle.path));
    return others.reduce<() => Promise<T>>((next, handle) => () => handle.quietly(requests, next), work)();
  }

  #queue<T>(work: (route: RouteClient) => Promise<T>): Promise<T> {
    const result = this.#tail.then(() => {
      this.#mustBeOpen();
      this.#route ??= this.enter(() => new RouteClient(this.#fd));
      return work(this.#route);
    });
    this.#tail = result.catch(() => {});
    return result;
  }

  #mustBeOpen(): void {
    if (this.#closed) throw new KernelError("EBADF", `the handle on ${this.path} is closed`);
  }

  /** Resolves when nothing of this handle holds the namespace any more. */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    this.#siblings.delete(this);
    for (const watcher of this.#watchers) watcher[Symbol.dispose]();
    await Promise.allSettled([this.#tail, this.#connectionTail, this.#nft.release(this.#context)]);
    this.#route?.[Symbol.dispose]();
    this.#connections?.[Symbol.dispose]();
    closeSync(this.#fd);
  }

  [Symbol.dispose](): void {
    void this.close();
  }
}
