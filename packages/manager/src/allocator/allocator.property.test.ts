import {
  type AddressBlock,
  addressId,
  blockHolds,
  blocksOverlap,
  isAttachment,
  isTerminal,
  type NodeId,
  parseAddress,
  parseBlock,
  silentLogger,
} from "@skep/model";
import type { AnyChange, Reader } from "@skep/store";
import fc from "fast-check";
import { expect, test } from "vitest";
import { attachContainer, detachContainer } from "../control/attachments.ts";
import type { ControlContext } from "../control/context.ts";
import { createNetwork, liveNetworks, removeNetwork } from "../control/networks.ts";
import { createService, removeService, updateService } from "../control/services.ts";
import { FakeSwarm } from "../orchestrator/fake-swarm.ts";
import { addressSpace } from "./address-space.ts";
import { Allocator } from "./allocator.ts";
import { FakeGate, newSwarm, type ServiceParts, serviceSpec } from "./test-network.ts";

const names = ["svc-a", "svc-b", "svc-c"] as const;
const networks = ["net-x", "net-y", "net-z"] as const;

const parts: fc.Arbitrary<ServiceParts> = fc.record({
  networks: fc.subarray([...networks]),
  ports: fc.subarray(["8080:80", ":80", ":53/udp", "host:8081:81", "30001:82"]),
  replicas: fc.integer({ min: 0, max: 4 }),
  image: fc.constantFrom("ok", "ok", "ok-stubborn", "exits-1-after-2000"),
});

type Move =
  | { readonly do: "create" | "update"; readonly name: string; readonly parts: ServiceParts }
  | { readonly do: "rollback" | "remove"; readonly name: string }
  | { readonly do: "network" | "remove-network"; readonly name: string; readonly hidden?: boolean }
  | { readonly do: "attach" | "detach"; readonly name: string; readonly container: string }
  | { readonly do: "wait" | "acknowledge" | "restart"; readonly ms: number };

const name = fc.constantFrom(...names);
const networkName = fc.constantFrom(...networks);
const move: fc.Arbitrary<Move> = fc.oneof(
  fc.record({ do: fc.constantFrom("create" as const, "update" as const, "update" as const), name, parts }),
  fc.record({ do: fc.constantFrom("rollback" as const, "remove" as const), name }),
  fc.record({
    do: fc.constantFrom("network" as const, "network" as const, "remove-network" as const),
    name: networkName,
  }),
  fc.record({
    do: fc.constantFrom("attach" as const, "detach" as const),
    name: networkName,
    container: fc.constantFrom("c1", "c2", "c3"),
  }),
  fc.record({
    do: fc.constantFrom("wait" as const, "wait" as const, "acknowledge" as const, "restart" as const),
    ms: fc.constantFrom(50, 1000, 8000),
  }),
);

/** Small networks, so that they are used up; what is asked for and refused is no matter. */
class Trial {
  readonly gate = new FakeGate();
  readonly faults: string[] = [];
  readonly #swarm: FakeSwarm;
  readonly #context: ControlContext;
  #stopping = new AbortController();
  #run: Promise<void> = Promise.resolve();

  private constructor(swarm: FakeSwarm, context: ControlContext) {
    this.#swarm = swarm;
    this.#context = context;
  }

  static async create(): Promise<Trial> {
    const swarm = await FakeSwarm.create();
    const { context } = await newSwarm({ pool: ["10.0.0.0/25"], subnetSize: 28 }, swarm.store);
    const trial = new Trial(swarm, context);
    trial.#watch();
    trial.#start();
    return trial;
  }

  get reader(): Reader {
    return this.#swarm.store.view();
  }

  async carryOut(move: Move): Promise<void> {
    await this.#do(move).catch(() => {});
    await this.#swarm.run(50);
    this.faults.push(...faultsIn(this.reader));
  }

  /** Until nothing moves any more: nodes acknowledge, containers end. */
  async settle(): Promise<void> {
    for (let round = 0; round < 4; round++) {
      await this.#swarm.run(15_000);
      this.gate.acknowledge(this.#swarm.store);
      await this.#swarm.run(1000);
    }
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#run;
    await this.#swarm.stop();
  }

  async #do(move: Move): Promise<unknown> {
    const { store, clock } = this.#swarm;
    const context = this.#context;
    switch (move.do) {
      case "create":
        return createService(store, serviceSpec(move.name, move.parts), undefined, context);
      case "update":
        return updateService(
          store,
          clock,
          { ...this.#named(move.name), spec: serviceSpec(move.name, move.parts) },
          context,
        );
      case "rollback":
        return updateService(store, clock, { ...this.#named(move.name), rollback: "previous" }, context);
      case "remove":
        return removeService(store, move.name);
      case "network":
        return createNetwork(store, { Name: move.name, Attachable: true }, context);
      case "remove-network":
        return removeNetwork(store, move.name);
      case "attach": {
        const container = { containerId: move.container, containerName: move.container, aliases: [], hostPorts: [] };
        return attachContainer(
          store,
          "n1" as NodeId,
          { network: move.name, ...container },
          { ipam: context.ipam, clock },
        );
      }
      case "detach": {
        const task = [...store.view().all("task")].find(
          ({ spec }) => spec.NetworkAttachmentSpec?.ContainerID === move.container,
        );
        return task && detachContainer(store, "n1" as NodeId, task.id);
      }
      case "wait":
        return this.#swarm.run(move.ms);
      case "acknowledge":
        return this.gate.acknowledge(store);
      case "restart":
        this.#stopping.abort();
        await this.#run;
        return this.#start();
    }
  }

  #named(name: string) {
    const [service] = this.reader.find("service", "name", name);
    return { service: name, version: service?.version ?? 0, spec: service?.spec ?? serviceSpec(name) };
  }

  #start(): void {
    const { store, clock } = this.#swarm;
    this.#stopping = new AbortController();
    const allocator = new Allocator({ store, clock, logger: silentLogger, gate: this.gate, ipam: this.#context.ipam });
    this.#run = allocator.run(this.#stopping.signal);
  }

  /** Nothing that a node may know is ever forgotten, and with that free for others. */
  #watch(): void {
    const { store } = this.#swarm;
    const check = (change: AnyChange) => {
      if (change.after || (change.kind !== "address" && change.kind !== "network") || !change.before) return;
      const networkId = change.kind === "address" ? change.before.networkId : change.before.id;
      const { releasedAt } = change.before;
      const acknowledged = this.gate.acknowledged.get(networkId) ?? 0;
      if (releasedAt === undefined || releasedAt > acknowledged) this.faults.push(`${change.id} was freed too early`);
    };
    void (async () => {
      for await (const { changes } of store.watch(store.view().revision, AbortSignal.any([]))) changes.forEach(check);
    })().catch(() => {});
  }
}

/** What must never be. */
function faultsIn(reader: Reader): string[] {
  const all = [...reader.all("network")];
  const blocks = all.flatMap(({ subnets }) => subnets.flatMap(({ subnet }) => parseBlock(subnet) ?? []));
  const vnis = all.flatMap(({ vni }) => (vni === 0 ? [] : [vni]));
  const shownNames = liveNetworks(reader).map(({ spec }) => spec.Name);
  return [
    ...twice(vnis).map((vni) => `VNI ${vni} twice`),
    ...twice(shownNames).map((shown) => `two networks ${shown}`),
    ...blocks.flatMap((block, i) =>
      blocks.slice(i + 1).some((other) => blocksOverlap(block, other)) ? ["overlap"] : [],
    ),
    ...outsideIn(reader, blocks),
    ...twice(publishedPorts(reader)).map((port) => `port ${port} twice`),
    ...unownedIn(reader),
  ];
}

function outsideIn(reader: Reader, blocks: readonly AddressBlock[]): string[] {
  return [...reader.all("address")].flatMap(({ id, networkId, address }) => {
    const network = reader.get("network", networkId);
    const inside = blocks.some((block) => blockHolds(block, parseAddress(address) ?? -1));
    return inside && network && typeof addressSpace(network).find(address) === "object" ? [] : [`${id} is outside`];
  });
}

/** Whoever shows an address has it, alone. */
function unownedIn(reader: Reader): string[] {
  const owns = (owner: string, networkId: Parameters<typeof addressId>[0], address: string | undefined) => {
    const object = address && reader.get("address", addressId(networkId, address.split("/")[0] ?? ""));
    return !address || (object && object.owner.id === owner && object.releasedAt === undefined);
  };
  const tasks = [...reader.all("task")].filter(({ status }) => !isTerminal(status.state));
  return [
    ...tasks.flatMap(({ id, networks: on = [] }) =>
      on
        .filter(({ networkId, address }) => !owns(id, networkId, address))
        .map(() => `task ${id} shows what it has not`),
    ),
    ...[...reader.all("service")].flatMap(({ id, endpoint }) =>
      (endpoint.virtualIps ?? [])
        .filter(({ networkId, address }) => !owns(id, networkId, address))
        .map(() => `service ${id} shows what it has not`),
    ),
  ];
}

const publishedPorts = (reader: Reader): string[] =>
  [...reader.all("service")].flatMap(({ endpoint }) =>
    (endpoint.ports ?? [])
      .filter(({ PublishMode, PublishedPort }) => PublishMode === "ingress" && PublishedPort)
      .map(({ Protocol, PublishedPort }) => `${Protocol}/${PublishedPort}`),
  );

const twice = <T>(items: readonly T[]): T[] => items.filter((item, i) => items.indexOf(item) !== i);

/** At rest: who has what, by name. */
function restOf(reader: Reader) {
  const owners = new Set([...reader.all("address")].map(({ owner }) => owner.id as string));
  const gone = [...owners].filter((id) => {
    const task = reader.get("task", id);
    return !reader.get("service", id) && (!task || isTerminal(task.status.state));
  });
  return {
    gone,
    released: [...reader.all("address")].filter(({ releasedAt }) => releasedAt !== undefined).map(({ id }) => id),
    hidden: [...reader.all("network")].filter(({ removedAt }) => removedAt !== undefined).map(({ id }) => id),
  };
}

test("whatever is made, changed and removed, nothing is owned twice or reused too early, and in the end nothing is left over", async () => {
  const run = async (moves: readonly Move[]) => {
    const trial = await Trial.create();
    try {
      for (const each of networks) await trial.carryOut({ do: "network", name: each });
      for (const each of moves) await trial.carryOut(each);
      expect(trial.faults).toEqual([]);
      for (const each of names) await trial.carryOut({ do: "remove", name: each });
      for (const container of ["c1", "c2", "c3", "c1", "c2", "c3", "c1", "c2", "c3"]) {
        await trial.carryOut({ do: "detach", name: "net-x", container });
      }
      await trial.settle();
      expect(restOf(trial.reader)).toEqual({ gone: [], released: [], hidden: [] });
      expect([...trial.reader.all("task")].filter((task) => isAttachment(task))).toEqual([]);
      for (const each of networks) await trial.carryOut({ do: "remove-network", name: each });
      await trial.settle();
      expect(liveNetworks(trial.reader).map(({ spec }) => spec.Name)).toEqual(["ingress"]);
      expect(trial.reader.count("network")).toBe(3);
      expect(trial.reader.count("address")).toBe(0);
      expect(trial.faults).toEqual([]);
      const { revision } = trial.reader;
      await trial.settle();
      expect(trial.reader.revision).toBe(revision);
    } finally {
      await trial.stop();
    }
  };
  await fc.assert(fc.asyncProperty(fc.array(move, { minLength: 10, maxLength: 40 }), run), { numRuns: 60 });
}, 60_000);
