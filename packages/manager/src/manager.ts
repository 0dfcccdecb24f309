import type { Readable } from "node:stream";
import { type Clock, type Logger, type LogOptions, newJoinToken, rpcError, type Task } from "@skep/model";
import type { Store } from "@skep/store";
import { Allocator, adoptStore, Ipam } from "./allocator/index.ts";
import { type ControlContext, clusterOf } from "./control/index.ts";
import { Discovery, type NetworkProgress } from "./discovery/index.ts";
import { Dispatcher, type PortHolder, type ProbedPort, type ServerCertificate } from "./dispatcher/index.ts";
import { Orchestrator } from "./orchestrator/index.ts";
import { ConstraintEnforcer, Scheduler } from "./scheduler/index.ts";

export interface ManagerOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** The control plane of one manager: its loops over the store, and the dispatcher. The store must hold the cluster. */
export class Manager {
  readonly store: Store;
  readonly #options: ManagerOptions;
  /** For the calls of `control/` that hand out addresses or ports. */
  readonly control: ControlContext;
  readonly #discovery: Discovery;
  readonly #ipam = new Ipam();
  readonly #dispatcher: Dispatcher;
  readonly #stopping = new AbortController();
  #loops: Promise<unknown> = Promise.resolve();

  constructor(options: ManagerOptions) {
    this.store = options.store;
    this.#options = options;
    this.#discovery = new Discovery(options);
    this.#dispatcher = new Dispatcher({
      ...this.#component("dispatcher"),
      discovery: this.#discovery,
      ipam: this.#ipam,
    });
    this.control = { ipam: this.#ipam, probePorts: (ports) => this.probePorts(ports, this.#stopping.signal) };
  }

  /**
   * Listens for agents and runs the loops while this manager leads. Resolves once agents can connect; rejects when
   * the address is not to be had. `failed` is called if a loop ends by itself, which is a bug.
   */
  async start(
    address: { readonly host: string; readonly port: number },
    certificate: ServerCertificate,
    failed: (error: unknown) => void,
  ): Promise<void> {
    await this.store.lead(this.#stopping.signal);
    await adoptStore(this.store, this.#ipam, this.#options.logger);
    await this.#dispatcher.listen(address, certificate);
    const { signal } = this.#stopping;
    const ipam = this.#ipam;
    this.#loops = Promise.all([
      new Orchestrator({ ...this.#component("orchestrator"), ipam }).run(signal),
      new Allocator({ ...this.#component("allocator"), ipam, gate: this.#discovery }).run(signal),
      new Scheduler(this.#component("scheduler")).run(signal),
      new ConstraintEnforcer(this.#component("enforcer")).run(signal),
    ]).catch(failed);
  }

  updateCertificate(certificate: ServerCertificate): void {
    this.#dispatcher.updateCertificate(certificate);
  }

  taskLogs(task: Task, options: LogOptions, signal: AbortSignal): Promise<Readable> {
    return this.#dispatcher.taskLogs(task, options, signal);
  }

  /** How far every node's data plane is, and every network on its nodes. */
  networkProgress(): NetworkProgress {
    return this.#discovery.progress();
  }

  /** As the dispatcher has it. */
  probePorts(ports: readonly ProbedPort[], signal: AbortSignal): Promise<PortHolder[]> {
    return this.#dispatcher.probePorts(ports, signal);
  }

  /** Only the secret changes: the digest in the token is the CA's. */
  async rotateJoinToken(role: "worker" | "manager"): Promise<void> {
    await this.store.update((tx) => {
      const cluster = clusterOf(tx);
      if (!cluster) throw rpcError("NotFound", "cluster default not found");
      const joinTokens = { ...cluster.joinTokens, [role]: newJoinToken(cluster.rootCa.certPem) };
      tx.put("cluster", { ...cluster, joinTokens });
    });
  }

  /** Ends loops and sessions; the store is the caller's to close. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#dispatcher.close();
    await this.#loops;
  }

  #component(component: string): ManagerOptions {
    return { ...this.#options, logger: this.#options.logger.child({ component }) };
  }
}
