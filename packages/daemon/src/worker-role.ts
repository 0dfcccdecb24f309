import { hostname, machine } from "node:os";
import {
  Agent,
  type Identity,
  leaveSwarm,
  ManagerSession,
  renewIdentity,
  runCertificateRenewal,
  type SessionState,
} from "@skep/agent";
import type { NodeNetworks } from "@skep/api";
import type { Engine } from "@skep/engine";
import { createCsr } from "@skep/manager";
import type { Clock, Logger, NodeDescription, TaskSpec } from "@skep/model";
import { DeferredHooks } from "./deferred-hooks.ts";
import type { NetworkFacts } from "./doctor/network-facts.ts";
import type { Membership } from "./membership.ts";
import type { NetworkRole, NetworkRoleOptions } from "./network-role.ts";

/** Opens the node's data plane; rejects where the machine lacks what it needs. */
export type OpenNetwork = (options: Pick<NetworkRoleOptions, "facts" | "calls" | "onProblems">) => Promise<NetworkRole>;

export interface WorkerRoleOptions {
  readonly membership: Membership;
  /** Stores what changed of the membership: a renewed certificate, other managers. */
  readonly save: (membership: Membership) => void;
  readonly engine: Engine;
  /** Absent: the node takes part in no network of the swarm. */
  readonly openNetwork?: OpenNetwork;
  readonly clock: Clock;
  readonly logger: Logger;
}

const farewellTimeoutMs = 3000;

/** What every member of a swarm runs: the agent, its session with a manager, the renewal of its certificate. */
export class WorkerRole {
  readonly #options: WorkerRoleOptions;
  readonly #agent: Agent;
  readonly #session: ManagerSession;
  readonly #stopping = new AbortController();
  readonly #firstSession = Promise.withResolvers<void>();
  #membership: Membership;
  #state: SessionState | undefined;
  #wasAccepted = false;
  #defaultLogDriver: TaskSpec["LogDriver"];
  /** Settles when the data plane is there, or cannot be; undefined then. */
  readonly #network = Promise.withResolvers<NetworkRole | undefined>();
  #openNetwork: NetworkRole | undefined;
  #isOpening = false;
  #running: Promise<unknown> = Promise.resolve();

  constructor(options: WorkerRoleOptions) {
    const { membership, engine, clock, logger } = options;
    this.#options = options;
    this.#membership = membership;
    this.#agent = new Agent({
      engine,
      node: () => ({ id: membership.nodeId, hostname: hostname(), platform: { Architecture: machine(), OS: "linux" } }),
      clock,
      logger: logger.child({ component: "agent" }),
      hooks: new DeferredHooks(this.#network.promise.then((network) => network?.hooks)),
      defaultLogDriver: () => this.#defaultLogDriver,
      report: (updates) => this.#session.reportStatus(updates),
    });
    this.#session = this.#createSession();
  }

  start(): void {
    const { clock, logger } = this.#options;
    const { signal } = this.#stopping;
    if (this.#membership.dataPathPort !== undefined) this.#startNetwork(this.#membership.dataPathPort);
    this.#running = Promise.all([
      this.#agent.run(signal),
      this.#network.promise.then((network) => network?.run(signal)),
      this.#session.run(signal),
      runCertificateRenewal({
        certificate: () => this.#membership.certPem,
        renew: (renewing) => this.#renew(renewing),
        clock,
        logger: logger.child({ component: "certificate" }),
        random: Math.random,
        signal,
      }),
    ]).catch((err) => logger.error({ err }, "the agent ended; restart skepd, and report this"));
  }

  get membership(): Membership {
    return this.#membership;
  }

  get sessionState(): SessionState | undefined {
    return this.#state;
  }

  /** True since a manager has first accepted this node in this process's life. */
  get wasAccepted(): boolean {
    return this.#wasAccepted;
  }

  /** Resolves once a manager has accepted this node. */
  get accepted(): Promise<void> {
    return this.#firstSession.promise;
  }

  /** The swarm's networks as this node has them; undefined until they are up. */
  get networks(): NodeNetworks | undefined {
    return this.#openNetwork?.view;
  }

  /** What the doctor asks of them. */
  get networkFacts(): NetworkFacts | undefined {
    return this.#openNetwork?.facts;
  }

  /** Leaves containers and networks as they are. */
  async stop(): Promise<void> {
    await this.#stopWork();
    await this.#openNetwork?.[Symbol.asyncDispose]();
  }

  async #stopWork(): Promise<void> {
    this.#stopping.abort();
    if (!this.#isOpening) this.#network.resolve(undefined);
    await this.#running;
  }

  /** Says good-bye to the managers, if they can be reached, and removes the containers of all tasks. */
  async leave(): Promise<void> {
    await this.#openNetwork?.leaveByHand(); // while there is a session to tell a manager by
    await this.#stopWork();
    const { managers } = this.#membership;
    await leaveSwarm(
      managers.map((manager) => manager.addr),
      this.#identity(),
      AbortSignal.timeout(farewellTimeoutMs),
    ).catch((err) => this.#options.logger.warn({ err }, "no manager could be told that this node leaves"));
    await this.#agent.removeEverything();
    await this.#openNetwork?.removeEverything();
    await this.#openNetwork?.[Symbol.asyncDispose]();
  }

  /** Once, when the port of the overlays is known; tasks that need networks wait for it, and are refused if it fails. */
  #startNetwork(dataPathPort: number): void {
    if (this.#isOpening) return;
    this.#isOpening = true;
    const { openNetwork, logger } = this.#options;
    const facts = { nodeId: this.#membership.nodeId, dataPathPort };
    const onProblems: NetworkRoleOptions["onProblems"] = (problems) => this.#session.reportProblems(problems);
    const opening = openNetwork?.({ facts, calls: this.#session, onProblems }) ?? Promise.resolve(undefined);
    opening.then(
      (network) => {
        this.#openNetwork = network;
        this.#network.resolve(network);
        this.#describeAgain();
      },
      (err) => {
        logger.error({ err }, "this node cannot take part in the swarm's networks");
        this.#network.resolve(undefined);
      },
    );
  }

  /** The manager may have been told of a node without routes. */
  #describeAgain(): void {
    this.#describe()
      .then((description) => this.#session.updateDescription(description))
      .catch((err) => this.#options.logger.debug({ err }, "the engine does not answer yet"));
  }

  async #describe(): Promise<NodeDescription> {
    const description = await this.#agent.describe();
    const network = this.#openNetwork;
    return network ? { ...description, Routes: await network.routes() } : description;
  }

  #createSession(): ManagerSession {
    const agent = this.#agent;
    return new ManagerSession({
      managers: this.#membership.managers.map((manager) => manager.addr),
      identity: () => this.#identity(),
      describe: () => this.#describe(),
      handlers: {
        session: ({ managers, logDriver, dataPathPort }) => {
          this.#defaultLogDriver = logDriver;
          this.#save({ ...this.#membership, managers, dataPathPort });
          this.#startNetwork(dataPathPort);
        },
        assignments: async (assignments, revision) => {
          await this.#network.promise;
          agent.replaceAll(revision, assignments);
        },
        changes: async (put, remove, revision) => {
          await this.#network.promise;
          agent.change(revision, put, remove);
        },
        network: async (message) => (await this.#network.promise)?.take(message) ?? [],
        probePorts: async (ports) => (await this.#network.promise)?.probePorts(ports) ?? [],
        logs: (taskId, options, signal) => agent.logs(taskId, options, signal),
        renew: () => {
          this.#renew(this.#stopping.signal).catch((err) =>
            this.#options.logger.warn({ err }, "certificate could not be renewed"),
          );
        },
      },
      onState: (state) => {
        this.#state = state;
        if (state.state !== "connected") return;
        this.#wasAccepted = true;
        this.#firstSession.resolve();
      },
      clock: this.#options.clock,
      logger: this.#options.logger.child({ component: "session" }),
    });
  }

  async #renew(signal: AbortSignal): Promise<void> {
    const managers = this.#membership.managers.map((manager) => manager.addr);
    const renewed = await renewIdentity(managers, this.#identity(), await createCsr(), signal);
    this.#save({ ...this.#membership, ...renewed });
  }

  /** What the disk does not take holds until the next start, and is learnt again then. */
  #save(membership: Membership): void {
    if (JSON.stringify(membership) === JSON.stringify(this.#membership)) return;
    this.#membership = membership;
    try {
      this.#options.save(membership);
    } catch (err) {
      this.#options.logger.error({ err }, "a change of this node's membership could not be saved");
    }
  }

  #identity(): Identity {
    const { nodeId, clusterId, role, certPem, keyPem, rootCaPem } = this.#membership;
    return { nodeId, clusterId, role, certPem, keyPem, rootCaPem };
  }
}
