import { setTimeout as sleep } from "node:timers/promises";
import { requestOver } from "@skep/machine";
import type { Cluster } from "@skep/testkit";
import { eventually } from "../cluster-helpers.ts";
import type { Operator } from "../operator.ts";
import { difference } from "./difference.ts";
import { Expected } from "./expected.ts";
import { peerMac } from "./expected-lines.ts";
import { NodeWatch } from "./node-watch.ts";
import { allLines, observedLines } from "./observed.ts";
import { type NodeView, readSwarm, type SwarmState, unrest } from "./swarm-state.ts";

const settleMs = 60_000;
/** A container's end is told to the manager first, then its interfaces go. */
const localMs = 2_000;

export interface Comparison {
  /** Empty when all is as it should be. */
  readonly differs: readonly string[];
  /** What differed at first, and was gone a moment later. */
  readonly passing: readonly string[];
  readonly settledMs: number;
}

/** Looks at a swarm through its API and into its nodes' kernels, and tells where they differ. */
export class SwarmWatch implements Disposable {
  readonly #cluster: Cluster;
  readonly #swarm: Operator;
  readonly #watches: ReadonlyMap<string, NodeWatch>;
  readonly #pids = new Map<string, number>();
  /** The manager numbers the nodes, by their address; everybody must have the same numbers from then on. */
  readonly #indices = new Map<string, number>();

  private constructor(swarm: Operator) {
    this.#cluster = swarm.cluster;
    this.#swarm = swarm;
    this.#watches = new Map(swarm.cluster.names.map((node) => [node, new NodeWatch(swarm.cluster, node)]));
  }

  static async of(swarm: Operator): Promise<SwarmWatch> {
    const watch = new SwarmWatch(swarm);
    await watch.#settled(new Set());
    await eventually(() => watch.#learnIndices());
    return watch;
  }

  [Symbol.dispose](): void {
    for (const watch of this.#watches.values()) watch[Symbol.dispose]();
  }

  /** Everything the nodes hold outside their gateway routers, ours or not. */
  async everything(): Promise<string[]> {
    const each = [...this.#watches].map(async ([node, watch]) =>
      allLines(await watch.dump({ questions: [] })).map((line) => `${node} ${line}`),
    );
    const containers = await this.#swarm.containers();
    return [...(await Promise.all(each)).flat(), ...containers.map(({ node, name }) => `${node} container ${name}`)];
  }

  /** The swarm at rest against its nodes, those apart that are away; `-` is missing, `+` too much. */
  async compare(away: ReadonlySet<string>): Promise<Comparison> {
    const since = performance.now();
    let state = await this.#settled(away);
    const settledMs = performance.now() - since;
    const first = await this.#differences(state, away);
    const deadline = Date.now() + localMs;
    for (let differs = first; ; differs = await this.#differences(state, away)) {
      if (differs.length === 0) return { differs, passing: first, settledMs };
      if (Date.now() > deadline) return { differs, passing: [], settledMs };
      await sleep(30);
      state = await this.#settled(away);
    }
  }

  /** The end of what each node's skepd has logged. */
  async logs(): Promise<string> {
    const each = this.#cluster.names.map(async (node) => {
      const lines = (await this.#cluster.logs(node)).trimEnd().split("\n");
      return [`skepd of ${node}:`, ...lines.slice(-25)].join("\n");
    });
    return (await Promise.all(each)).join("\n");
  }

  async #learnIndices(): Promise<void> {
    for (const watch of this.#watches.values()) {
      const { routers } = await watch.dump({ questions: [] });
      const { map } = routers["skep-gw"]?.nft.find((entry) => entry.map?.name === "peer") ?? {};
      for (const element of map?.elem ?? []) {
        const [mac, index] = element as [string, number];
        const machine = this.#cluster.machines.find(({ address }) => peerMac(address) === mac);
        if (machine) this.#indices.set(machine.address, index);
      }
    }
    const numbers = new Set(this.#indices.values());
    if (numbers.size !== this.#cluster.names.length) throw new Error(`indices of nodes: ${[...numbers]}`);
  }

  /** The swarm as it is when it has come to rest, everywhere but on the nodes that are away. */
  async #settled(away: ReadonlySet<string>): Promise<SwarmState> {
    const deadline = Date.now() + settleMs;
    for (;;) {
      const state = await readSwarm(this.#swarm).catch((error) => `${error}`);
      const reason = typeof state === "object" ? unrest(state, away) : (state ?? "the store is being written to");
      if (typeof state === "object" && reason === undefined) return state;
      if (Date.now() > deadline) throw new Error(`not settled within ${settleMs} ms: ${reason}`);
      await sleep(15);
    }
  }

  async #differences(state: SwarmState, away: ReadonlySet<string>): Promise<string[]> {
    const expected = new Expected(state, this.#indices);
    const owned = expected.owned();
    const twice = owned.filter((one, i) => owned.indexOf(one) !== i).map((one) => `+ owned twice: ${one}`);
    const nodes = state.nodes.filter(({ Description }) => !away.has(Description.Hostname));
    const found = await Promise.all(
      nodes.map((node) =>
        // a router may go while it is looked at
        this.#differencesOn(node, expected).catch((error) => [`+ ${node.Description.Hostname}: ${error}`]),
      ),
    );
    return [...twice, ...found.flat()];
  }

  async #differencesOn(node: NodeView, expected: Expected): Promise<string[]> {
    const { Hostname } = node.Description;
    const questions = expected.questions(node);
    const asked = questions.map(async ({ container, names }) => {
      return { pid: await this.#pidOf(Hostname, container), names: [...names.keys()] };
    });
    const dump = await this.#watches.get(Hostname)?.dump({ questions: await Promise.all(asked) });
    if (!dump) return [`+ ${Hostname} is none of the cluster's`];
    const wanted = expected.lines(node);
    const seen = observedLines(dump);
    for (const [i, { task, names }] of questions.entries()) {
      const answers = dump.answers[i] ?? [];
      if (typeof answers === "string") seen.push(`dns at ${task.slice(0, 6)}: ${answers}`);
      else seen.push(...answers.map(({ name, addresses }) => dnsLine(task, name, addresses)));
      wanted.push(...[...names].map(([name, addresses]) => dnsLine(task, name, addresses)));
    }
    return difference(wanted, seen).map((line) => `${line[0]} ${Hostname} ${line.slice(2)}`);
  }

  async #pidOf(node: string, container: string): Promise<number> {
    const known = this.#pids.get(container);
    if (known) return known;
    const socket = this.#cluster.machine(node).paths.engineSocket;
    const { body } = await requestOver(socket, `/v1.41/containers/${container}/json`);
    const pid = Number(JSON.parse(body).State.Pid);
    this.#pids.set(container, pid);
    return pid;
  }
}

/** An empty answer and a refusal both are none. */
const dnsLine = (task: string, name: string, addresses: readonly string[]) =>
  `dns at ${task.slice(0, 6)}: ${name} → ${addresses.filter((address) => /^[\d.]+$/.test(address)).join(" ")}`;
