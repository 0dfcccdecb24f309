import { type Clock, type Logger, pause } from "@skep/model";
import { Complaint } from "../complaint.ts";
import type { SwarmClient } from "../swarm/swarm-client.ts";
import { watchSwarmNodes } from "../swarm/swarm-nodes.ts";
import type { SwarmNode, SwarmService } from "../swarm/swarm-objects.ts";
import { watchSwarmServices } from "../swarm/swarm-services.ts";
import { ListenerMetrics } from "./listener-metrics.ts";
import type { ListenerSettings } from "./listener-settings.ts";
import { Notifier, type Subject } from "./notifier.ts";
import {
  createParameters,
  nodeCreateParameters,
  nodeRemoveParameters,
  type Parameters,
  removeParameters,
  toQuery,
} from "./parameters.ts";
import { ServiceTasks } from "./service-tasks.ts";
import { readNodes, readServices, sortByTasks } from "./swarm-now.ts";

/** While tasks of a service are awaited. */
const tasksEveryMs = 500;

/**
 * The swarm listener: tells targets by HTTP which services ask to be seen and which nodes there are, as Docker Flow Swarm
 * Listener does. It goes by whole snapshots, so whatever it missed, it tells in the end what is.
 */
export class SwarmListener {
  readonly #client: SwarmClient;
  readonly #settings: ListenerSettings;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #metrics = new ListenerMetrics();
  readonly #services: Notifier;
  readonly #nodes: Notifier;
  readonly #tasks: ServiceTasks;
  #seenServices: readonly SwarmService[] | undefined;
  #seenNodes: readonly SwarmNode[] | undefined;
  #isFirstPass = true;
  #isStirred = false;
  #wake = (): void => {};

  constructor(client: SwarmClient, settings: ListenerSettings, { clock, log }: { clock: Clock; log: Logger }) {
    this.#client = client;
    this.#settings = settings;
    this.#clock = clock;
    this.#log = log;
    const common = { ...settings, clock, log, metrics: this.#metrics };
    this.#services = new Notifier({ ...common, kind: "service", endpoints: settings.serviceEndpoints });
    this.#nodes = new Notifier({ ...common, kind: "node", endpoints: settings.nodeEndpoints });
    const { includeNodeInfo: include, nodeInfoWithAddress: withAddress } = settings;
    this.#tasks = new ServiceTasks(client, { include, withAddress });
  }

  /** Until `signal` aborts. */
  async run(signal: AbortSignal): Promise<void> {
    using _services = this.#services;
    using _nodes = this.#nodes;
    await Promise.all([this.#followServices(signal), this.#followNodes(signal), this.#followTasks(signal)]);
  }

  /** Tells all targets of all services once more. */
  notifyAll(): void {
    this.#services.resend();
  }

  /**
   * Create parameters of all services whose tasks are running; the others are told to the targets once more. Throws when the
   * swarm cannot be asked.
   */
  async servicesNow(signal: AbortSignal): Promise<readonly Parameters[]> {
    const { notifyLabel, serviceEndpoints } = this.#settings;
    const services = await readServices(this.#client, notifyLabel, signal);
    if (serviceEndpoints.length === 0) return services.map((service) => this.#createParameters(service));
    const { running = [], others = [] } = await sortByTasks(this.#client, services, signal);
    this.#services.resend(new Set(others.map((service) => this.#nameOf(service))));
    return running.map((service) => this.#createParameters(service));
  }

  async nodesNow(signal: AbortSignal): Promise<readonly Parameters[]> {
    return (await readNodes(this.#client, signal)).map(nodeCreateParameters);
  }

  failed(operation: string): void {
    this.#metrics.failed(operation);
  }

  renderMetrics(): string {
    return this.#metrics.render();
  }

  async #followServices(signal: AbortSignal): Promise<void> {
    const { notifyLabel, servicePollingMs, serviceEvents } = this.#settings;
    const options = {
      clock: this.#clock,
      log: this.#log,
      notifyLabel,
      comparisonMs: servicePollingMs,
      events: serviceEvents,
    };
    for await (const { services } of watchSwarmServices(this.#client, options, signal)) {
      this.#seenServices = services;
      this.#tasks.update(services);
      this.#stir();
    }
  }

  async #followNodes(signal: AbortSignal): Promise<void> {
    const { nodePollingMs, nodeEvents } = this.#settings;
    const options = { clock: this.#clock, log: this.#log, comparisonMs: nodePollingMs, events: nodeEvents };
    for await (const nodes of watchSwarmNodes(this.#client, options, signal)) {
      this.#seenNodes = keepUnchanged(this.#seenNodes ?? [], nodes);
      this.#nodes.reconcile(new Map(this.#seenNodes.filter(isUp).map((node) => [node.id, subjectOfNode(node)])));
      this.#stir();
    }
  }

  /** Looks at tasks as often as anybody waits for them, and tells what follows from services and tasks. */
  async #followTasks(signal: AbortSignal): Promise<void> {
    const complaint = new Complaint(this.#log, "tasks cannot be read");
    while (!signal.aborted) {
      this.#isStirred = false;
      const [services, nodes] = [this.#seenServices, this.#seenNodes];
      try {
        if (nodes) await this.#tasks.look(nodes, this.#clock.now(), this.#isFirstPass, signal);
        complaint.cured();
        if (services) this.#tellServices(services, nodes !== undefined && this.#isFirstPass);
      } catch (error) {
        if (signal.aborted) return;
        complaint.tell(error);
        if (services) this.#tellServices(services, false);
      }
      await this.#untilNextLook(signal);
    }
  }

  /** With `isFirstPass` what does not run yet is told as removed: a target may have it from before. */
  #tellServices(services: readonly SwarmService[], isFirstPass: boolean): void {
    const subjects = new Map(services.map((service) => [this.#nameOf(service), this.#subjectOf(service)]));
    this.#metrics.services = subjects.size;
    this.#services.reconcile(subjects);
    if (!isFirstPass) return;
    this.#isFirstPass = false;
    for (const [name, { create, remove }] of subjects) if (create === undefined) this.#services.remove(name, remove);
  }

  #subjectOf(service: SwarmService): Subject {
    const isHeld = this.#tasks.of(service.id)?.state === "waiting" && !this.#settings.createImmediately;
    const isAbandoned = this.#tasks.of(service.id)?.state === "abandoned";
    return {
      create: isHeld || isAbandoned ? undefined : toQuery(this.#createParameters(service)),
      remove: toQuery(removeParameters(service, this.#settings)),
    };
  }

  #createParameters(service: SwarmService): Parameters {
    return createParameters(service, this.#settings, this.#tasks.of(service.id)?.nodeInfo);
  }

  /** A service that was made anew under its old name is the same one to the targets. */
  #nameOf(service: SwarmService): string {
    return removeParameters(service, this.#settings).serviceName ?? service.name;
  }

  #stir(): void {
    this.#isStirred = true;
    this.#wake();
  }

  async #untilNextLook(signal: AbortSignal): Promise<void> {
    if (this.#isStirred) return;
    const woken = new AbortController();
    this.#wake = () => woken.abort();
    const ms = this.#tasks.isWaiting ? tasksEveryMs : this.#settings.servicePollingMs;
    await pause(this.#clock, ms, AbortSignal.any([signal, woken.signal]));
  }
}

/** A node of which nothing but the version is new stays as it was: that is no news to a target. */
function keepUnchanged(before: readonly SwarmNode[], nodes: readonly SwarmNode[]): readonly SwarmNode[] {
  const known = new Map(before.map((node) => [node.id, node]));
  const isUnchanged = (node: SwarmNode, old: SwarmNode) =>
    JSON.stringify({ ...node, version: 0 }) === JSON.stringify({ ...old, version: 0 });
  return nodes.map((node) => {
    const old = known.get(node.id);
    return old && isUnchanged(node, old) ? old : node;
  });
}

const isUp = ({ state, hostname }: SwarmNode): boolean => state !== "down" && hostname !== "";

const subjectOfNode = (node: SwarmNode): Subject => ({
  create: toQuery(nodeCreateParameters(node)),
  remove: toQuery(nodeRemoveParameters(node)),
});
