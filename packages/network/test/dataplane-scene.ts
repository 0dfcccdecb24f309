import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { EndpointRecord, NetworkId, NetworkRecord, NodeId, ServiceId, ServiceRecord, TaskId } from "@skep/model";
import { runCommand } from "@skep/testkit";
import type { Attached } from "../src/node-network.ts";
import type { Sandbox } from "../src/sandbox.ts";
import { RemoteProcess } from "./dataplane-rpc.ts";

export const isRoot = process.getuid?.() === 0;

// Nodes are namespaces on a bridge, 192.168.0.11 and up; a client outside is 192.168.0.100. Each node has a /run/netns
// of its own. Containers are processes with a network namespace of their own.

export const web = "netweb000000" as NetworkId;
export const other = "netother0000" as NetworkId;
export const ingress = "netingress00" as NetworkId;

export const networks: NetworkRecord[] = [
  overlay(web, "web", 4097, "10.0.1"),
  overlay(other, "other", 4098, "10.0.2"),
  { ...overlay(ingress, "ingress", 4096, "10.0.0"), ingress: true },
];

function overlay(id: NetworkId, name: string, vni: number, prefix: string) {
  return {
    kind: "network" as const,
    id,
    name,
    vni,
    subnets: [{ subnet: `${prefix}.0/24`, gateway: `${prefix}.1` }],
    internal: false,
    ingress: false,
    attachable: true,
  };
}

const here = new URL(".", import.meta.url).pathname;
const script = (name: string) => [process.execPath, join(here, name)];

export const nodeAddress = (index: number) => `192.168.0.${10 + index}`;
export const outsideAddress = "192.168.0.100";

async function run(...command: string[]): Promise<string> {
  const { code, stdout, stderr } = await runCommand(command);
  if (code !== 0) throw new Error(`${command.join(" ")}: ${stderr}`);
  return stdout;
}

export class SceneNode {
  readonly id: NodeId;
  readonly index: number;
  readonly namespace: string;
  /** Keeps the node's namespaces. */
  readonly keeper: RemoteProcess;
  readonly #folder: string;
  process: RemoteProcess | undefined;

  constructor(index: number, namespace: string, folder: string) {
    this.index = index;
    this.id = `node${index}` as NodeId;
    this.namespace = namespace;
    this.#folder = folder;
    const ready = `echo '{"id":1,"value":true}'`;
    const inside = `mount --make-rprivate / && mount -t tmpfs tmpfs /run/netns && ${ready} && exec sleep infinity`;
    this.keeper = new RemoteProcess(["nsenter", `--net=/run/netns/${namespace}`, "unshare", "-m", "sh", "-c", inside]);
  }

  get address(): string {
    return nodeAddress(this.index);
  }

  async start(): Promise<void> {
    this.process = new RemoteProcess([...this.enter(), ...script("dataplane-node.ts"), this.id, this.#folder]);
    await this.process.call("ready");
  }

  /** A command in the node's own namespaces. */
  enter(): string[] {
    return ["nsenter", "-t", String(this.keeper.pid), "-m", "-n"];
  }

  run(...command: string[]): Promise<string> {
    return run(...this.enter(), ...command);
  }

  /** A command in one of the node's routers. */
  inRouter(name: string, ...command: string[]): Promise<string> {
    return this.run("nsenter", `--net=/run/netns/${name}`, ...command);
  }

  /** Packets that its gateway router has routed. */
  async routed(): Promise<number> {
    return snmpCounter(await this.inRouter("skep-gw", "cat", "/proc/thread-self/net/snmp"), "Ip", "ForwDatagrams");
  }

  call<T>(method: string, ...args: readonly unknown[]): Promise<T> {
    if (!this.process) throw new Error(`${this.id} is not running`);
    return this.process.call(method, ...args);
  }
}

/** A number of /proc/net/snmp: a line of names, then one of values. */
export function snmpCounter(text: string, protocol: string, name: string): number {
  const [names, values] = text.split("\n").filter((line) => line.startsWith(`${protocol}:`));
  return Number(values?.split(" ")[names?.split(" ").indexOf(name) ?? 0]);
}

/** A container that serves, on a node, with the record that tells of it. */
export interface SceneContainer {
  readonly process: RemoteProcess;
  readonly node: SceneNode;
  readonly sandbox: Sandbox;
  readonly endpoint: EndpointRecord;
  readonly attached: Attached;
}

export interface ContainerOptions {
  readonly serviceId?: ServiceId;
  /** Bare addresses by network. */
  readonly on: Partial<Record<NetworkId, string>>;
  readonly gateway?: boolean;
  readonly hostPorts?: Sandbox["hostPorts"];
}

export class Scene implements AsyncDisposable {
  readonly nodes: SceneNode[] = [];
  readonly records = new Map<string, NetworkRecord>();
  readonly #processes: RemoteProcess[] = [];
  readonly #namespaces: string[] = [];
  readonly #prefix = `dp${process.pid}`;
  #folder = "";
  #revision = 1;

  static async create(count: number): Promise<Scene> {
    const scene = new Scene();
    try {
      await scene.#build(count);
      return scene;
    } catch (error) {
      await scene[Symbol.asyncDispose]();
      throw error;
    }
  }

  async #build(count: number): Promise<void> {
    this.#folder = await mkdtemp(join(tmpdir(), "skep-dataplane-"));
    const bridge = await this.#namespace("br");
    await run("ip", "-n", bridge, "link", "add", "br0", "type", "bridge");
    await run("ip", "-n", bridge, "link", "set", "br0", "up");
    await this.#join(bridge, await this.#namespace("out"), outsideAddress, 0);
    for (let index = 1; index <= count; index++) {
      const namespace = await this.#namespace(`n${index}`);
      await this.#join(bridge, namespace, nodeAddress(index), index);
      const node = new SceneNode(index, namespace, join(this.#folder, `n${index}`));
      this.nodes.push(node);
      this.records.set(node.id, {
        kind: "peer",
        id: node.id,
        hostname: node.id,
        address: node.address,
        index,
        down: false,
      });
    }
    for (const network of networks) this.records.set(network.id, network);
    await Promise.all(this.nodes.map(({ keeper }) => keeper.call("ready")));
    await Promise.all(this.nodes.map((node) => node.start()));
    await Promise.all(this.nodes.map((node) => node.call("replaceAll", 1, [...this.records.values()])));
  }

  node(index: number): SceneNode {
    const node = this.nodes[index - 1];
    if (!node) throw new Error(`no node ${index}`);
    return node;
  }

  /** Tells all nodes of changed records. */
  async put(...records: NetworkRecord[]): Promise<void> {
    for (const record of records) this.records.set(record.id, record);
    this.#revision += 1;
    await Promise.all(this.nodes.map((node) => node.process && node.call("change", this.#revision, records, [])));
  }

  async remove(...records: NetworkRecord[]): Promise<void> {
    for (const { id } of records) this.records.delete(id);
    this.#revision += 1;
    const keys = records.map(({ kind, id }) => `${kind}/${id}`);
    await Promise.all(this.nodes.map((node) => node.process && node.call("change", this.#revision, [], keys)));
  }

  get revision(): number {
    return this.#revision;
  }

  /** A container that is attached. */
  async container(name: string, node: SceneNode, options: ContainerOptions): Promise<SceneContainer> {
    const container = await this.loose(name, node, options);
    const attached = await node.call<Attached>("attach", container.sandbox);
    return { ...container, attached };
  }

  /** A container that is to be attached. */
  async loose(name: string, node: SceneNode, options: ContainerOptions): Promise<SceneContainer> {
    const process = new RemoteProcess([
      ...node.enter(),
      "unshare",
      "-n",
      ...script("dataplane-peer.ts"),
      name,
      "serve",
    ]);
    this.#processes.push(process);
    await process.call("tcp", "127.0.0.1", 1, 0);
    const { on, gateway, serviceId, hostPorts = [] } = options;
    const there = Object.entries(on) as [NetworkId, string][];
    const taskId = `task-${name}` as TaskId;
    const endpoint: EndpointRecord = {
      kind: "endpoint",
      id: taskId,
      name,
      nodeId: node.id,
      state: "ready",
      networks: there.map(([networkId, address]) => ({ networkId, address: `${address}/24`, aliases: [] })),
      hostPorts,
      ...(serviceId && { serviceId }),
    };
    const published = on[ingress];
    const sandbox: Sandbox = {
      containerId: Buffer.from(name.padEnd(32, ".")).toString("hex"),
      pid: process.pid,
      interfaces: there
        .filter(([networkId]) => networkId !== ingress)
        .map(([networkId, address]) => ({ taskId, networkId, address: `${address}/24` })),
      gateway: gateway || published ? { taskId, ...(published && { address: `${published}/24` }) } : undefined,
      hostPorts,
      names: { servers: [] },
    };
    return { process, node, sandbox, endpoint, attached: { interfaces: [], hostPorts: [], tookMs: 0 } };
  }

  /** A process without servers, outside or on a node. */
  async client(enter: readonly string[]): Promise<RemoteProcess> {
    const process = new RemoteProcess([...enter, ...script("dataplane-peer.ts"), "client"]);
    this.#processes.push(process);
    await process.call("tcp", "127.0.0.1", 1, 0);
    return process;
  }

  outside(): string[] {
    return ["nsenter", `--net=/run/netns/${this.#prefix}-out`];
  }

  /** Gives the outside a route. */
  async route(route: string): Promise<void> {
    await run(...this.outside(), "ip", "route", "add", ...route.split(" "));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([
      ...this.#processes.map((process) => process.end()),
      ...this.nodes.flatMap(({ process, keeper }) => [process?.end(), keeper.end()]),
    ]);
    for (const name of this.#namespaces) await runCommand(["ip", "netns", "del", name]);
    if (this.#folder) await rm(this.#folder, { recursive: true, force: true });
  }

  async #namespace(suffix: string): Promise<string> {
    const name = `${this.#prefix}-${suffix}`;
    await run("ip", "netns", "add", name);
    this.#namespaces.push(name);
    await run("ip", "-n", name, "link", "set", "lo", "up");
    return name;
  }

  async #join(bridge: string, namespace: string, address: string, port: number): Promise<void> {
    const peer = ["peer", "name", "eth0", "netns", namespace];
    await run("ip", "-n", bridge, "link", "add", `p${port}`, "type", "veth", ...peer);
    await run("ip", "-n", bridge, "link", "set", `p${port}`, "master", "br0", "up");
    await run("ip", "-n", namespace, "addr", "add", `${address}/24`, "dev", "eth0");
    await run("ip", "-n", namespace, "link", "set", "eth0", "up");
    if (address !== outsideAddress) await run("ip", "-n", namespace, "route", "add", "default", "via", outsideAddress);
  }
}

export const service = (id: string, rest: Partial<ServiceRecord> = {}): ServiceRecord => ({
  kind: "service",
  id: id as ServiceId,
  name: id,
  mode: "vip",
  networks: [],
  ports: [],
  ...rest,
});

/** `web.1 10.0.1.10 4711` → how often each name answered. */
export function counts(answers: readonly string[]): Record<string, number> {
  const found: Record<string, number> = {};
  for (const answer of answers) {
    const name = answer.split(" ")[0] ?? "";
    found[name] = (found[name] ?? 0) + 1;
  }
  return found;
}

/** The clients that servers saw. */
export const sources = (answers: readonly string[]): string[] =>
  [...new Set(answers.map((answer) => answer.split(" ")[1] ?? answer))].sort();

export async function eventually(check: () => Promise<void>, withinMs = 5000): Promise<void> {
  const until = Date.now() + withinMs;
  for (;;) {
    try {
      return await check();
    } catch (error) {
      if (Date.now() > until) throw error;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}
