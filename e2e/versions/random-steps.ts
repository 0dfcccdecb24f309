import type { Cluster } from "@skep/testkit";
import type { Operator } from "../operator.ts";

/** Numbers of 0 to 1 that are the same for the same seed (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

interface Service {
  readonly name: string;
  replicas: number;
  readonly mode: "vip" | "dnsrr";
  readonly networks: Set<string>;
  readonly ports: Map<number, string>;
}

const mostServices = 5;
const mostNetworks = 3;
const mostReplicas = 3;
const mostTasks = 9;

// an end is quick: what programs do with the time they are given is tested elsewhere
const flags = ["--detach", "--no-resolve-image", "--stop-grace-period", "1s", "--stop-signal", "SIGKILL"];
const command = ["alpine:latest", "sleep", "100000"];

/** Does one thing after another to a swarm, as chance has it, and remembers what it has asked for. */
export class RandomSteps {
  readonly away = new Set<string>();
  readonly #cluster: Cluster;
  readonly #swarm: Operator;
  readonly #random: () => number;
  readonly #services = new Map<string, Service>();
  readonly #networks = new Set<string>();
  readonly #drained = new Set<string>();
  #made = 0;

  constructor(swarm: Operator, random: () => number) {
    this.#cluster = swarm.cluster;
    this.#swarm = swarm;
    this.#random = random;
  }

  /** Does something; resolves with what it was. */
  async step(): Promise<string> {
    const possible = this.#possible();
    const total = possible.reduce((sum, [weight]) => sum + weight, 0);
    let at = this.#random() * total;
    for (const [weight, work] of possible) {
      at -= weight;
      if (at < 0) return work();
    }
    return "nothing";
  }

  /** All nodes are there, nothing else is. */
  async removeServices(): Promise<void> {
    for (const node of [...this.away]) await this.#restore(node);
    for (const node of [...this.#drained]) await this.#activate(node);
    for (const service of [...this.#services.values()]) await this.#removeService(service);
  }

  async removeNetworks(): Promise<void> {
    for (const network of [...this.#networks]) await this.#removeNetwork(network);
  }

  #possible(): [weight: number, work: () => Promise<string>][] {
    const services = [...this.#services.values()];
    const unused = [...this.#networks].filter((name) => services.every(({ networks }) => !networks.has(name)));
    const one = this.#pick(services);
    const worker = this.#pick(["node-2", "node-3"]);
    const steps: [number, () => Promise<string>][] = [];
    const may = (condition: unknown, weight: number, work: () => Promise<string>) => {
      if (condition) steps.push([weight, work]);
    };
    may(services.length < mostServices, 10, () => this.#createService());
    may(this.#networks.size < mostNetworks, 8, () => this.#createNetwork());
    may(unused.length > 0, 4, () => this.#removeNetwork(this.#pick(unused) ?? ""));
    if (one) {
      steps.push([16, () => this.#scale(one)]);
      steps.push([5, () => this.#update(one)]);
      steps.push([5, () => this.#removeService(one)]);
      may(one.mode === "vip" && one.ports.size < 2, 6, () => this.#publish(one));
      may(one.ports.size > 0, 4, () => this.#unpublish(one));
      const others = [...this.#networks].filter((name) => !one.networks.has(name));
      may(others.length > 0 && one.networks.size < 2, 5, () => this.#join(one, this.#pick(others) ?? ""));
      may(one.networks.size > 1, 3, () => this.#leave(one, this.#pick([...one.networks]) ?? ""));
    }
    if (worker && !this.away.has(worker)) {
      may(this.away.size === 0, 1, () => this.#cut(worker));
      may(this.#drained.size === 0, 1, () => this.#drain(worker));
    }
    const away = this.#pick([...this.away]);
    if (away) steps.push([15, () => this.#restore(away)]);
    const drained = this.#pick([...this.#drained]);
    may(drained, 6, () => this.#activate(drained ?? ""));
    const killed = this.#pick(this.#cluster.names.filter((node) => !this.away.has(node)));
    may(killed, 3, () => this.#kill(killed ?? "", one));
    return steps;
  }

  #pick<T>(choices: readonly T[]): T | undefined {
    return choices[Math.floor(this.#random() * choices.length)];
  }

  #number(from: number, to: number): number {
    return from + Math.floor(this.#random() * (to - from + 1));
  }

  /** So that nodes are not overloaded. */
  #replicas(besides = 0): number {
    const there = [...this.#services.values()].reduce((sum, { replicas }) => sum + replicas, 0) - besides;
    return Math.max(0, Math.min(this.#number(0, mostReplicas), mostTasks - there));
  }

  async #createNetwork(): Promise<string> {
    const name = `net-${++this.#made}`;
    const internal = this.#random() < 0.25 ? ["--internal"] : [];
    await this.#swarm.docker("network", "create", "-d", "overlay", ...internal, name);
    this.#networks.add(name);
    return `network create ${internal} ${name}`;
  }

  async #removeNetwork(name: string): Promise<string> {
    await this.#swarm.docker("network", "rm", name);
    this.#networks.delete(name);
    return `network rm ${name}`;
  }

  async #createService(): Promise<string> {
    const networks = new Set<string>();
    for (let i = this.#number(0, 2); i > 0; i--) {
      const network = this.#pick([...this.#networks]);
      if (network) networks.add(network);
    }
    const mode = networks.size > 0 && this.#random() < 0.25 ? "dnsrr" : "vip";
    const ports = new Map(mode === "vip" && this.#random() < 0.4 ? [this.#freePort()] : []);
    const service: Service = { name: `service-${++this.#made}`, replicas: this.#replicas(), mode, networks, ports };
    const args = [
      ...["--name", service.name, "--replicas", `${service.replicas}`, "--endpoint-mode", mode],
      ...[...networks].flatMap((network) => ["--network", network]),
      ...[...ports].flatMap(([port, protocol]) => ["--publish", `${port}:80/${protocol}`]),
      ...["--update-parallelism", "0", "--update-monitor", "10ms", "--restart-delay", "100ms"],
      ...["--update-order", this.#random() < 0.5 ? "start-first" : "stop-first"],
    ];
    await this.#swarm.docker("service", "create", ...flags, ...args, ...command);
    this.#services.set(service.name, service);
    return `service create ${args.join(" ")}`;
  }

  #freePort(): [port: number, protocol: string] {
    return [8000 + ++this.#made, this.#random() < 0.3 ? "udp" : "tcp"];
  }

  async #scale(service: Service): Promise<string> {
    service.replicas = this.#replicas(service.replicas);
    return this.#change(service, "--replicas", `${service.replicas}`);
  }

  #update(service: Service): Promise<string> {
    return this.#change(service, "--env-add", `N=${++this.#made}`);
  }

  #publish(service: Service): Promise<string> {
    const [port, protocol] = this.#freePort();
    service.ports.set(port, protocol);
    return this.#change(service, "--publish-add", `published=${port},target=80,protocol=${protocol}`);
  }

  #unpublish(service: Service): Promise<string> {
    const [port = 0, protocol] = this.#pick([...service.ports]) ?? [];
    service.ports.delete(port);
    return this.#change(service, "--publish-rm", `published=${port},target=80,protocol=${protocol}`);
  }

  #join(service: Service, network: string): Promise<string> {
    service.networks.add(network);
    return this.#change(service, "--network-add", network);
  }

  #leave(service: Service, network: string): Promise<string> {
    service.networks.delete(network);
    return this.#change(service, "--network-rm", network);
  }

  async #change({ name }: Service, ...change: readonly string[]): Promise<string> {
    await this.#swarm.docker("service", "update", "--detach", "--no-resolve-image", ...change, name);
    return `service update ${change.join(" ")} ${name}`;
  }

  async #removeService({ name }: Service): Promise<string> {
    await this.#swarm.docker("service", "rm", name);
    this.#services.delete(name);
    return `service rm ${name}`;
  }

  async #cut(node: string): Promise<string> {
    await this.#cluster.cutLink(node);
    this.away.add(node);
    return `cut ${node}`;
  }

  async #restore(node: string): Promise<string> {
    await this.#cluster.restoreLink(node);
    this.away.delete(node);
    return `restore ${node}`;
  }

  async #drain(node: string): Promise<string> {
    await this.#swarm.docker("node", "update", "--availability", "drain", node);
    this.#drained.add(node);
    return `drain ${node}`;
  }

  async #activate(node: string): Promise<string> {
    await this.#swarm.docker("node", "update", "--availability", "active", node);
    this.#drained.delete(node);
    return `activate ${node}`;
  }

  /** While it is dead the swarm may change, if there is still a manager to change it. */
  async #kill(node: string, service: Service | undefined): Promise<string> {
    await this.#cluster.killSkepd(node);
    const changes = service && node !== this.#swarm.manager && this.#random() < 0.5;
    const meanwhile = changes ? await this.#scale(service) : "";
    await this.#cluster.startSkepd(node);
    return ["kill -9 skepd of", node, ...(meanwhile ? ["and", meanwhile] : [])].join(" ");
  }
}
