import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  DomainError,
  type NetworkId,
  type NetworkRecord,
  type OverlayRecord,
  type RecordKey,
  silentLogger,
  type TaskId,
} from "@skep/model";
import type { NodeNetwork, Sandbox } from "@skep/network";
import { FakeClock, FakeEngine } from "@skep/testkit";
import { webTask } from "../task/test-tasks.ts";
import { ContainerNetworks } from "./container-networks.ts";
import { ContainerRecords } from "./container-records.ts";
import type { SwarmCalls } from "./swarm-calls.ts";

export const shop = "shop" as NetworkId;
export const store = "store" as NetworkId;

const overlay = (id: NetworkId, third: number): OverlayRecord => ({
  ...{ kind: "network", id, name: `${id}net`, vni: 4096 + third },
  subnets: [{ subnet: `10.0.${third}.0/24`, gateway: `10.0.${third}.1` }],
  ...{ internal: false, ingress: false, attachable: true },
});

/** Only what containers are attached with; each call is a line. */
class FakeNetwork {
  readonly sandboxes = new Map<string, Sandbox>();
  readonly records = new Map<RecordKey, NetworkRecord>([
    [`network/${shop}`, overlay(shop, 1)],
    [`network/${store}`, overlay(store, 2)],
  ]);
  refusal: string | undefined;
  readonly #said: string[];

  constructor(said: string[]) {
    this.#said = said;
  }

  sandbox(containerId: string) {
    return this.sandboxes.get(containerId);
  }

  async attach(sandbox: Sandbox) {
    const to = sandbox.interfaces.map(({ networkId, address }) => `${networkId} ${address}`).join(", ");
    const names = sandbox.names.servers.length > 0 ? ` asking ${sandbox.names.servers}` : "";
    this.#said.push(`kernel: ${to}${names}`);
    if (this.refusal !== undefined) throw new DomainError("internal", this.refusal);
    this.sandboxes.set(sandbox.containerId, sandbox);
    return { interfaces: [], hostPorts: sandbox.hostPorts, tookMs: 1 };
  }

  async detach(containerId: string) {
    if (this.sandboxes.delete(containerId)) this.#said.push("kernel: nothing");
  }
}

/** A node's containers with an engine, a kernel and a manager that only remember. `said` has what they were asked. */
export function handScene() {
  const said: string[] = [];
  const changes: string[] = [];
  const clock = new FakeClock();
  const engine = new FakeEngine({ clock, info: { Runtimes: { skep: {} }, DefaultRuntime: "runc" } });
  const network = new FakeNetwork(said);
  const folder = mkdtempSync(join(tmpdir(), "skep-byhand-"));
  const records = new ContainerRecords(join(folder, "containers"), silentLogger);
  const manager = { isThere: true, refusal: "" };
  const attachments = new Map<string, TaskId>();
  let given = 0;
  const answer = async (signal: AbortSignal) => {
    if (manager.refusal) throw new DomainError("forbidden", manager.refusal);
    if (manager.isThere) return;
    await new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
  };
  const calls: SwarmCalls = {
    settle: async (taskId) => void said.push(`settle ${taskId}`),
    async attach({ network: on, containerId, containerName, address, aliases }, signal) {
      await answer(signal);
      const key = `${containerId} ${on}`;
      const id = attachments.get(key) ?? (`t${++given}` as TaskId);
      attachments.set(key, id);
      said.push(`attach ${[containerName, on, ...(address ? [address] : []), ...aliases].join(" ")}: ${id}`);
      const third = on === shop ? 1 : 2;
      const at = { networkId: on as NetworkId, address: `${address ?? `10.0.${third}.${id.slice(1)}`}/24`, aliases };
      return webTask({ id, networks: [at] });
    },
    async detach(taskId, signal) {
      await answer(signal);
      for (const [key, id] of attachments) if (id === taskId) attachments.delete(key);
      said.push(`detach ${taskId}`);
    },
  };
  const options = { calls, engine, clock, records, log: silentLogger };
  const open = () =>
    new ContainerNetworks({
      ...options,
      network: network as unknown as NodeNetwork, // the rest of it is no matter of containers
      onChange: ({ action, network: { name } }) => void changes.push(`${action} ${name}`),
      resolverDefaults: () => ({ search: [], options: [] }),
    });
  const files = { hosts: join(folder, "hosts"), resolver: join(folder, "resolv.conf") };
  writeFileSync(files.hosts, "127.0.0.1\tlocalhost\n");
  writeFileSync(files.resolver, "search example.org\nnameserver 192.0.2.53\n");
  const inspect = engine.inspectContainer.bind(engine);
  engine.inspectContainer = async (id) => ({
    ...(await inspect(id)),
    ...{ HostsPath: files.hosts, ResolvConfPath: files.resolver },
  });
  /** What was asked since the last time. */
  const heard = () => said.splice(0);
  return {
    networks: open(),
    open,
    changes,
    engine,
    network,
    records,
    manager,
    clock,
    files,
    folder,
    heard,
    attachments,
  };
}

export type HandScene = ReturnType<typeof handScene>;

/** A container that runs in this very process's namespaces, as far as the fakes look at it. */
export async function running({ engine }: HandScene, name: string, config: object = {}): Promise<string> {
  const { Id } = await engine.createContainer(name, { Image: "alpine:latest", ...config });
  await engine.startContainer(Id);
  engine.container(Id).pid = process.pid;
  return Id;
}
