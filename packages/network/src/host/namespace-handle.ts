import { closeSync } from "node:fs";
import {
  type ConnectionFilter,
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

let lastContext = 0;

/** An open namespace with the sockets that were made in it. */
export class NamespaceHandle implements Namespace {
  readonly path: NamespacePath;
  readonly inode: number;
  readonly #fd: number;
  readonly #nft: NftRunner;
  readonly #context = ++lastContext;
  readonly #onClose: (handle: NamespaceHandle) => void;
  #route: RouteClient | undefined;
  /** What was asked of the route socket last: it carries one thing out after the other. */
  #tail: Promise<unknown> = Promise.resolve();
  #closed: Promise<void> | undefined;

  constructor(path: NamespacePath, nft: NftRunner, onClose: (handle: NamespaceHandle) => void) {
    const { fd, inode } = openNamespace(path);
    this.path = path;
    this.inode = inode;
    this.#fd = fd;
    this.#nft = nft;
    this.#onClose = onClose;
  }

  netlink(requests: readonly NetlinkRequest[]): Promise<void> {
    return this.#queue((route) => route.apply(requests));
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

  async nft(script: string): Promise<void> {
    this.#mustBeOpen();
    await this.#nft.run(this.#context, this.#fd, script);
  }

  async nftJson(command: string): Promise<unknown> {
    this.#mustBeOpen();
    return this.#nft.json(this.#context, this.#fd, command);
  }

  sysctls(values: Readonly<Record<string, string>>): string[] {
    return this.enter(() => writeSysctls(values));
  }

  async forgetConnections(_filter: ConnectionFilter): Promise<number> {
    return 0;
  }

  watch(): Disposable {
    return { [Symbol.dispose]: () => {} };
  }

  enter<T>(work: () => T): T {
    this.#mustBeOpen();
    return enterNamespace(this.#fd, work);
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
    this.#onClose(this);
    await Promise.allSettled([this.#tail, this.#nft.release(this.#context)]);
    this.#route?.[Symbol.dispose]();
    closeSync(this.#fd);
  }

  [Symbol.dispose](): void {
    void this.close();
  }
}
