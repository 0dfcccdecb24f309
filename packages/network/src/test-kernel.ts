import {
  type ConnectionFilter,
  type DeviceFilter,
  type FdbEntry,
  type InterfaceAddress,
  type Kernel,
  KernelError,
  type Link,
  type Namespace,
  type Neighbour,
  type NetlinkRequest,
  type PolicyRule,
  type Route,
} from "./host/kernel.ts";
import { describeRequest, namespaceName } from "./host/netlink/describe.ts";
import { FakeNft } from "./test-nft.ts";

/** A kernel for tests: keeps what it is asked, and prints it as `ip` and `nft` commands. */
export class FakeKernel implements Kernel {
  /** Everything asked so far, each line with the namespace it was asked of. */
  readonly log: string[] = [];
  readonly namespaces = new Map<string, FakeNamespace>();
  #lastInode = 1;
  readonly host: FakeNamespace = this.#make("host", "/proc/self/ns/net");

  constructor() {
    this.host.put({ do: "add-address", device: "eth0", address: "192.168.0.11/24" });
    this.host.linkMap.set("eth0", { index: 2, name: "eth0", mac: "", mtu: 1500, up: true, kind: "" });
  }

  async ensure(name: string): Promise<FakeNamespace> {
    const known = this.namespaces.get(name);
    if (known) return known;
    this.log.push(`ip netns add ${name}`);
    return this.#make(name, `/run/netns/${name}`);
  }

  async find(name: string): Promise<FakeNamespace | undefined> {
    return this.namespaces.get(name);
  }

  async names(prefix: string): Promise<string[]> {
    return [...this.namespaces.keys()].filter((name) => name.startsWith(prefix));
  }

  async open(path: string): Promise<FakeNamespace> {
    const namespace = this.namespaces.get(namespaceName(path));
    if (!namespace) throw new KernelError("ENOENT", `no namespace ${path}`);
    return namespace;
  }

  async remove(name: string): Promise<void> {
    if (this.namespaces.delete(name)) this.log.push(`ip netns del ${name}`);
  }

  canFilter = async () => true;

  close(): void {}

  /** A container's process. */
  addProcess(pid: number): FakeNamespace {
    return this.#make(String(pid), `/proc/${pid}/ns/net`);
  }

  /** What was asked since the last time. */
  takeLog(): string[] {
    return this.log.splice(0);
  }

  #make(name: string, path: string): FakeNamespace {
    const namespace = new FakeNamespace(this, name, path, this.#lastInode++);
    this.namespaces.set(name, namespace);
    return namespace;
  }
}

export class FakeNamespace implements Namespace {
  readonly path: string;
  readonly inode: number;
  readonly nftables = new FakeNft();
  readonly linkMap = new Map<string, Link>();
  readonly #kernel: FakeKernel;
  readonly #name: string;
  /** By what identifies a thing. */
  readonly #things = new Map<string, NetlinkRequest>();
  readonly #otherEnds = new Map<string, { readonly namespace: FakeNamespace; readonly name: string }>();
  readonly #sysctls = new Map<string, string>();
  readonly #watchers = new Set<Parameters<Namespace["watch"]>[0]>();

  constructor(kernel: FakeKernel, name: string, path: string, inode: number) {
    this.#kernel = kernel;
    this.#name = name;
    this.path = path;
    this.inode = inode;
    this.linkMap.set("lo", { index: 1, name: "lo", mac: "", mtu: 65_536, up: false, kind: "" });
  }

  async netlink(requests: readonly NetlinkRequest[]): Promise<void> {
    for (const request of requests) {
      this.#log(describeRequest(request));
      this.put(request);
    }
  }

  put(request: NetlinkRequest): void {
    switch (request.do) {
      case "add-vxlan":
        this.#at(request.in).#addLink({ ...request, kind: "vxlan", vxlan: pick(request) });
        break;
      case "add-veth":
        this.#addLink({ ...request, kind: "veth" });
        this.#at(request.peer.in).#addLink({ ...request.peer, kind: "veth" });
        this.#otherEnds.set(request.name, { namespace: this.#at(request.peer.in), name: request.peer.name });
        break;
      case "set-link": {
        const link = this.linkMap.get(request.name) ?? fail(`no link ${request.name}`);
        const { up = link.up, mtu = link.mtu } = request;
        this.linkMap.set(request.name, { ...link, up, mtu });
        break;
      }
      case "delete-link":
        this.#dropLink(request.name);
        break;
      default:
        if (request.do.startsWith("delete-")) this.#things.delete(identity(request));
        else this.#things.set(identity(request), request);
    }
  }

  links = async (): Promise<readonly Link[]> => [...this.linkMap.values()];
  addresses = async () => this.#all<InterfaceAddress>("address");
  routes = async () => this.#all<Route>("route");
  neighbours = async () => this.#all<Neighbour>("neighbour");
  fdb = async () => this.#all<FdbEntry>("fdb");
  rules = async () => this.#all<PolicyRule>("rule");
  filters = async () => ({
    clsacts: this.#all<{ readonly device: string }>("clsact").map(({ device }) => device),
    filters: this.#all<DeviceFilter>("filter"),
  });

  async nft(script: string): Promise<void> {
    for (const line of script.trimEnd().split("\n")) this.#log(`nft ${line}`);
    try {
      this.nftables.run(script);
    } catch (error) {
      throw new KernelError("EINVAL", `nft: ${error instanceof Error ? error.message : error}`);
    }
  }

  nftJson = async (command: string): Promise<unknown> => this.nftables.json(command);

  sysctls(values: Readonly<Record<string, string>>): string[] {
    const changed = Object.keys(values).filter((name) => this.#sysctls.get(name) !== values[name]);
    for (const name of changed) {
      this.#sysctls.set(name, values[name] ?? "");
      this.#log(`sysctl -w ${name}=${values[name]}`);
    }
    return changed;
  }

  async forgetConnections(...filters: readonly ConnectionFilter[]): Promise<number> {
    for (const filter of filters) {
      const words = Object.entries(filter).map(([name, value]) => `${name}=${value}`);
      this.#log(`conntrack -D ${words.join(" ")}`);
    }
    return 0;
  }

  watch(onChange: Parameters<Namespace["watch"]>[0]): Disposable {
    this.#watchers.add(onChange);
    return { [Symbol.dispose]: () => this.#watchers.delete(onChange) };
  }

  /** Somebody else changes something. */
  tell(what: Parameters<Parameters<Namespace["watch"]>[0]>[0]): void {
    for (const watcher of this.#watchers) watcher(what);
  }

  enter<T>(work: () => T): T {
    return work();
  }

  [Symbol.dispose](): void {}

  /** All it holds, in an order that does not depend on how it came to. */
  text(): string {
    const links = [...this.linkMap.values()].map(({ name, mac, mtu, up }) => `link ${name} ${mac} ${mtu} ${up}`);
    return [...links, ...[...this.#things.values()].map(describeRequest)]
      .sort()
      .concat(this.nftables.text())
      .join("\n");
  }

  /** With a link all goes that needs it, and the other end of a veth. */
  #dropLink(name: string): void {
    this.linkMap.delete(name);
    for (const [key, thing] of this.#things) if ("device" in thing && thing.device === name) this.#things.delete(key);
    const other = this.#otherEnds.get(name);
    this.#otherEnds.delete(name);
    if (other) other.namespace.#dropLink(other.name);
  }

  #at(path: string): FakeNamespace {
    return this.#kernel.namespaces.get(namespaceName(path)) ?? fail(`no namespace ${path}`);
  }

  #addLink({ name, mac, mtu, kind, vxlan }: Omit<Link, "index" | "up">): void {
    const link = { index: this.linkMap.size + 1, name, mac, mtu, up: false, kind };
    this.linkMap.set(name, vxlan ? { ...link, vxlan } : link);
  }

  #all<T>(kind: string): readonly T[] {
    return [...this.#things.values()]
      .filter((request) => request.do.endsWith(`-${kind}`))
      .map(({ do: _, ...thing }) => thing as T);
  }

  #log(line: string): void {
    this.#kernel.log.push(this.#name === "host" ? line : `${this.#name}: ${line}`);
  }
}

const pick = ({ vni, local, port }: { vni: number; local: string; port: number }) => ({ vni, local, port });

function identity(request: NetlinkRequest): string {
  const { do: verb, ...rest } = request;
  const kind = verb.slice(verb.indexOf("-") + 1);
  const { destination, device, address, table, side } = rest as Partial<Route & InterfaceAddress & DeviceFilter>;
  if (kind === "filter") return `filter ${device} ${side}`;
  if (kind === "route") return `route ${destination} ${table ?? 254}`;
  if (kind === "rule" || kind === "fdb") return `${kind} ${JSON.stringify(rest, Object.keys(rest).sort())}`;
  return `${kind} ${device} ${address}`;
}

function fail(message: string): never {
  throw new KernelError("ENOENT", message);
}
