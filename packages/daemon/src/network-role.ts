import { readFileSync } from "node:fs";
import { join } from "node:path";
import {
  type AttachmentChange,
  ContainerNetworks,
  ContainerRecords,
  followEndings,
  type SwarmCalls,
  type TaskHooks,
} from "@skep/agent";
import type { NodeNetworks } from "@skep/api";
import type { Engine } from "@skep/engine";
import type { Clock, Logger, ManagerMessage, NetworkProblem, PublishedPort, TakenPort } from "@skep/model";
import {
  createNodeNetwork,
  type Kernel,
  Legs,
  type NodeFacts,
  type NodeNetwork,
  openKernel,
  parseResolvConf,
  startDnsServer,
  subnetsOfHostRoutes,
} from "@skep/network";
import { RuntimeServer } from "@skep/runtime";
import type { NetworkFacts } from "./doctor/network-facts.ts";
import { handContainers } from "./hand-containers.ts";
import { NodeNetworksView } from "./node-networks-view.ts";

export interface NetworkRoleOptions {
  readonly facts: NodeFacts;
  /** Where records and containers are remembered. */
  readonly dataRoot: string;
  /** Gone with the next boot, as the containers are: sockets and sandboxes. */
  readonly runRoot: string;
  readonly calls: SwarmCalls;
  /** What the data plane cannot carry out has changed by itself. */
  readonly onProblems: (problems: readonly NetworkProblem[]) => void;
  /** A container of this node has joined or left a network of the swarm. */
  readonly onAttachment: (change: AttachmentChange) => void;
  readonly engine: Engine;
  readonly clock: Clock;
  readonly logger: Logger;
}

const resolvConf = "/etc/resolv.conf";

/** The node's part in the swarm's networks: its data plane, and the containers that come and go in it. */
export class NetworkRole implements AsyncDisposable {
  readonly #options: NetworkRoleOptions;
  readonly #kernel: Kernel;
  readonly #network: NodeNetwork;
  readonly #records: ContainerRecords;
  readonly #containers: ContainerNetworks;
  readonly #server: RuntimeServer;
  readonly #legs: Legs;
  readonly #dispose: () => Promise<void>;
  readonly view: NodeNetworks;
  #toldProblems = "[]";

  private constructor(
    options: NetworkRoleOptions,
    parts: {
      readonly kernel: Kernel;
      readonly network: NodeNetwork;
      readonly records: ContainerRecords;
      readonly containers: ContainerNetworks;
      readonly server: RuntimeServer;
      readonly dispose: () => Promise<void>;
    },
  ) {
    this.#options = options;
    this.#kernel = parts.kernel;
    this.#network = parts.network;
    this.#records = parts.records;
    this.#containers = parts.containers;
    this.#server = parts.server;
    this.#dispose = parts.dispose;
    const { facts, clock } = options;
    const onProbed = () => this.#tellProblems();
    this.#legs = new Legs({ network: parts.network, kernel: parts.kernel, self: facts.nodeId, clock, onProbed });
    const byHand = handContainers({ ...parts, resolverDefaults: readResolvConf });
    this.view = new NodeNetworksView(parts.network, parts.records, byHand);
  }

  /**
   * Takes up what an earlier process has left, in memory and in the kernel; nothing that is right there is touched.
   * Rejects when this machine lacks what networks need.
   */
  static async open(options: NetworkRoleOptions): Promise<NetworkRole> {
    const { facts, dataRoot, runRoot, calls, engine, clock, onAttachment: onChange } = options;
    const log = options.logger.child({ component: "network" });
    await using parts = new AsyncDisposableStack();
    const kernel = parts.adopt(openKernel(), (opened) => opened.close());
    const dns = parts.use(await startDnsServer({ logger: log, upstreams: readResolvConf().servers }));
    const folders = { dataFolder: join(dataRoot, "network"), runFolder: runRoot };
    const network = parts.use(await createNodeNetwork({ kernel, dns, facts, clock, logger: log, ...folders }));
    const records = new ContainerRecords(join(dataRoot, "network", "containers"), log);
    const resolverDefaults = () => readResolvConf();
    const containers = new ContainerNetworks({
      ...{ network, records, calls, engine, clock, log, resolverDefaults, onChange },
    });
    const onStart: ContainerNetworks["onStart"] = (start, signal) => containers.onStart(start, signal);
    const server = parts.use(
      await RuntimeServer.listen({ socketPath: join(runRoot, "runtime.sock"), onStart, log, clock }),
    );
    const owned = parts.move();
    const dispose = () => owned.disposeAsync();
    return new NetworkRole(options, { kernel, network, records, containers, server, dispose });
  }

  get hooks(): TaskHooks {
    return this.#containers;
  }

  get containers(): ContainerNetworks {
    return this.#containers;
  }

  /** Follows the ends of containers, and the ways to other nodes, until `signal` aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const { engine, clock, logger } = this.#options;
    await Promise.all([
      followEndings({ engine, networks: this.#containers, clock, log: logger }, signal),
      this.#legs.run(signal),
    ]);
  }

  /** Taken over at once; resolves when the kernel has it. */
  async take(message: Extract<ManagerMessage, { type: "network" }>): Promise<readonly NetworkProblem[]> {
    const { revision, full, put, remove } = message;
    const done = full ? this.#network.replaceAll(revision, put) : this.#network.change(revision, put, remove);
    this.#legs.recordsChanged();
    const problems = await done;
    this.#toldProblems = JSON.stringify(problems);
    return problems;
  }

  probePorts(ports: readonly Pick<PublishedPort, "protocol" | "published">[]): Promise<readonly TakenPort[]> {
    return this.#network.probePorts(ports);
  }

  /** Destinations of this node's own routes, which no overlay may overlap. */
  async routes(): Promise<readonly string[]> {
    return subnetsOfHostRoutes(await this.#kernel.host.routes(), await this.#kernel.host.addresses());
  }

  #tellProblems(): void {
    const { problems } = this.#network.inspect();
    const text = JSON.stringify(problems);
    if (text === this.#toldProblems) return;
    this.#toldProblems = text;
    this.#options.onProblems(problems);
  }

  /** What the doctor asks. */
  get facts(): NetworkFacts {
    const kernel = this.#kernel;
    return {
      dataPathPort: this.#options.facts.dataPathPort,
      probe: () => this.#legs.probe(),
      chains: () => kernel.host.nftJson("list chains"),
      routes: () => this.routes(),
      neighbours: () => countNeighbours(kernel),
      overlays: () =>
        this.view.overlays().flatMap(({ name, subnets }) => subnets.map(({ subnet }) => ({ name, subnet }))),
      problems: () => this.view.problems(),
    };
  }

  /** The node is about to leave its swarm: gives back what a manager gave to containers attached by hand. */
  leaveByHand(): Promise<void> {
    return this.#containers.leaveAll();
  }

  /** The node leaves its swarm: its tasks are gone, and nothing of the networks stays. */
  async removeEverything(): Promise<void> {
    await this.#network.removeEverything();
    this.#records.clear();
  }

  /** Leaves the kernel as it is: traffic goes on. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.close();
    await this.#dispose();
  }
}

/** Of the node and of every router: the kernel's limit is for all of them together. */
async function countNeighbours(kernel: Kernel): Promise<number> {
  let count = (await kernel.host.neighbours()).length;
  for (const name of await kernel.names("skep-")) {
    using router = await kernel.find(name);
    count += (await router?.neighbours())?.length ?? 0;
  }
  return count;
}

/** The node's resolver; without the file it has none. */
function readResolvConf() {
  try {
    return parseResolvConf(readFileSync(resolvConf, "utf8"));
  } catch {
    return parseResolvConf("");
  }
}
