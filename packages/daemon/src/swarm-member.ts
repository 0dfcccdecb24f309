import { rm } from "node:fs/promises";
import { networkInterfaces } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { joinSwarm } from "@skep/agent";
import type { InitRequest, JoinSwarmRequest, ManagerAccess, NodeNetworks, SwarmNode, SwarmStatus } from "@skep/api";
import type { Engine } from "@skep/engine";
import { createCluster, createCsr } from "@skep/manager";
import { DomainError, type NodeId, parseJoinToken, pause } from "@skep/model";
import {
  advertiseAddress,
  connectedSubnets,
  dataPathAddress,
  joinHostPort,
  listenAddress,
  localAddressTowards,
  splitHostPort,
  swarmPort,
  withSwarmPort,
} from "./addresses.ts";
import type { NetworkFacts } from "./doctor/network-facts.ts";
import { ManagerRole, type ManagerRoleOptions, openStore, storePath } from "./manager-role.ts";
import { type Membership, MembershipFile } from "./membership.ts";
import { alreadyMember, cannotListen, joinGoesOn, leavesLastManager } from "./membership-refusals.ts";
import { type OpenNetwork, WorkerRole } from "./worker-role.ts";

export interface SwarmMemberOptions extends ManagerRoleOptions {
  readonly engine: Engine;
  readonly openNetwork?: OpenNetwork;
}

/** As Docker's: how long init and join wait before they say that things go on in the background. */
const joinTimeoutMs = 20_000;
const firstSessionTimeoutMs = 5000;
const managerRetryMs = 2000;

/** This node's part in a swarm: none, worker, or manager and worker. Its file survives the daemon. */
export class SwarmMember implements SwarmNode {
  readonly #options: SwarmMemberOptions;
  readonly #file: MembershipFile;
  #worker: WorkerRole | undefined;
  #manager: ManagerRole | undefined;
  #startError: string | undefined;
  readonly #retrying = new AbortController();
  #retries: Promise<void> = Promise.resolve();
  /** Init, join and leave one after the other. */
  #queue: Promise<unknown> = Promise.resolve();

  constructor(options: SwarmMemberOptions) {
    this.#options = options;
    this.#file = new MembershipFile(options.dataRoot);
  }

  /** Takes up the membership that the data root holds, and finishes a leave that a crash cut short. */
  async start(): Promise<void> {
    const membership = this.#file.read();
    if (!membership) return;
    const { logger } = this.#options;
    logger.info({ node: membership.nodeId, role: membership.role }, "this node is a member of a swarm");
    if (membership.leaving) {
      this.#worker = this.#createWorker(membership);
      return this.#finishLeave().catch((error: Error) => {
        this.#startError = error.message;
        logger.error({ err: error }, "this node is still leaving its swarm");
      });
    }
    const worker = this.#createWorker(membership);
    this.#worker = worker;
    if (membership.role === "manager" && !(await this.#startManager())) this.#retries = this.#retryManager();
    worker.start();
  }

  async stop(): Promise<void> {
    this.#retrying.abort();
    await this.#retries;
    await this.#queue;
    await this.#worker?.stop();
    await this.#manager?.stop();
  }

  manager(): ManagerAccess | undefined {
    return this.#manager;
  }

  networks(): NodeNetworks | undefined {
    return this.#worker?.networks;
  }

  /** What the doctor asks of this node's networks, and where it finds the managers. */
  get examined(): { readonly network: NetworkFacts | undefined; readonly managers: readonly string[] } {
    const managers = this.#worker?.membership.managers ?? [];
    return { network: this.#worker?.networkFacts, managers: managers.map(({ addr }) => addr) };
  }

  status(): SwarmStatus {
    const worker = this.#worker;
    if (!worker) return { state: "inactive" };
    const { membership, sessionState } = worker;
    const known = {
      role: membership.role,
      nodeId: membership.nodeId,
      nodeAddr: splitHostPort(membership.advertiseAddr).host,
      remoteManagers: membership.managers,
    } as const;
    if (this.#startError !== undefined) return { ...known, state: "error", error: this.#startError };
    if (sessionState?.state === "rejected") return { ...known, state: "error", error: sessionState.reason };
    const isUp = membership.role === "manager" ? this.#manager !== undefined : worker.wasAccepted;
    return { ...known, state: isUp ? "active" : "pending" };
  }

  init(request: InitRequest): Promise<NodeId> {
    return this.#enqueue(async () => {
      await this.#refuseMember();
      const interfaces = networkInterfaces();
      const listenAddr = listenAddress(request.listenAddr, interfaces);
      const advertiseAddr = advertiseAddress(request.advertiseAddr, listenAddr, interfaces);
      const dataPathAddr = dataPathAddress(request.dataPathAddr, interfaces);
      const membership = await this.#createSwarm({ ...request, dataPathAddr }, listenAddr, advertiseAddr);
      this.#worker = this.#createWorker(membership);
      this.#worker.start();
      await Promise.race([this.#worker.accepted, sleep(firstSessionTimeoutMs, undefined, { ref: false })]);
      return membership.nodeId;
    });
  }

  join(request: JoinSwarmRequest): Promise<void> {
    return this.#enqueue(async () => {
      await this.#refuseMember();
      const remote = withSwarmPort(request.remoteAddrs[0] ?? "");
      parseJoinToken(request.joinToken);
      const interfaces = networkInterfaces();
      const listenAddr = listenAddress(request.listenAddr || `0.0.0.0:${swarmPort}`, interfaces);
      const given = request.advertiseAddr && advertiseAddress(request.advertiseAddr, listenAddr, interfaces);
      const advertiseAddr = given || joinHostPort(await localAddressTowards(remote), swarmPort);
      const dataPathAddr = dataPathAddress(request.dataPathAddr, interfaces);
      const identity = await joinSwarm({
        addr: remote,
        token: request.joinToken,
        csr: await createCsr(),
        availability: request.availability,
        advertiseAddr,
        dataPathAddr,
        signal: AbortSignal.timeout(joinTimeoutMs),
      });
      const membership: Membership = {
        ...identity,
        listenAddr,
        advertiseAddr,
        dataPathAddr,
        managers: [{ nodeId: "" as NodeId, addr: remote }],
      };
      this.#file.write(membership);
      this.#worker = this.#createWorker(membership);
      this.#worker.start();
      await this.#untilAccepted(this.#worker);
    });
  }

  leave(force: boolean): Promise<void> {
    return this.#enqueue(async () => {
      if (!this.#worker) throw new DomainError("unavailable", "This node is not part of a swarm");
      const { membership } = this.#worker;
      if (membership.role === "manager" && !force) throw new DomainError("unavailable", leavesLastManager);
      this.#file.write({ ...membership, leaving: true });
      this.#retrying.abort();
      await this.#finishLeave();
    });
  }

  async #finishLeave(): Promise<void> {
    await this.#worker?.leave().catch((error: Error) => {
      throw new DomainError(
        "unavailable",
        `this node's tasks could not be removed (${error.message}): see that its Docker Engine runs, then leave again`,
        { cause: error },
      );
    });
    await this.#manager?.stop();
    this.#manager = undefined;
    await this.#removeStore();
    this.#file.remove();
    this.#worker = undefined;
    this.#startError = undefined;
    this.#options.logger.info({}, "this node has left the swarm");
  }

  async #createSwarm(request: InitRequest, listenAddr: string, advertiseAddr: string): Promise<Membership> {
    await this.#removeStore(); // an init that a crash cut short has left one
    const store = await openStore(this.#options);
    try {
      const identity = await createCluster(store, this.#options.clock, {
        ...request,
        advertiseAddr,
        address: splitHostPort(advertiseAddr).host,
        routes: connectedSubnets(networkInterfaces()),
      });
      const manager = await ManagerRole.start(store, listenAddr, identity, this.#options);
      const membership: Membership = {
        ...identity,
        role: "manager",
        listenAddr,
        advertiseAddr,
        dataPathAddr: request.dataPathAddr,
        managers: [{ nodeId: identity.nodeId, addr: advertiseAddr }],
      };
      await this.#remember(membership, manager);
      return membership;
    } catch (error) {
      await store.close();
      await this.#removeStore();
      throw cannotListen(error, listenAddr);
    }
  }

  /** From here on the node is a manager, also after a crash. */
  async #remember(membership: Membership, manager: ManagerRole): Promise<void> {
    try {
      this.#file.write(membership);
      this.#manager = manager;
    } catch (error) {
      await manager.stop();
      throw error;
    }
  }

  /** False when the control plane cannot start. */
  async #startManager(): Promise<boolean> {
    const membership = this.#worker?.membership;
    if (!membership) return true;
    try {
      const store = await openStore(this.#options);
      this.#manager = await ManagerRole.start(store, membership.listenAddr, membership, this.#options);
      this.#startError = undefined;
      return true;
    } catch (error) {
      const { message } = error as Error;
      if (message !== this.#startError)
        this.#options.logger.error({ err: error }, "the control plane cannot start yet; running tasks are not touched");
      this.#startError = message;
      return false;
    }
  }

  /** A full disk and a port in use come to an end without a restart of this daemon. */
  async #retryManager(): Promise<void> {
    const { clock, logger } = this.#options;
    const { signal } = this.#retrying;
    while (!signal.aborted && this.#startError !== undefined) {
      await pause(clock, managerRetryMs, signal);
      await this.#enqueue(async () => signal.aborted || (await this.#startManager()));
    }
    if (this.#manager) logger.info({}, "the control plane is up");
  }

  #createWorker(membership: Membership): WorkerRole {
    const { engine, openNetwork, clock, logger } = this.#options;
    return new WorkerRole({
      membership,
      save: (changed) => {
        this.#file.write(changed);
        this.#manager?.updateCertificate(changed);
      },
      engine,
      ...(openNetwork && { openNetwork }),
      clock,
      logger,
    });
  }

  async #removeStore(): Promise<void> {
    const path = storePath(this.#options.dataRoot);
    await Promise.all(["", "-wal", "-shm"].map((suffix) => rm(path + suffix, { force: true })));
  }

  async #refuseMember(): Promise<void> {
    if (this.#worker) throw new DomainError("unavailable", alreadyMember);
    const info = await this.#options.engine.info();
    const state = info.Swarm?.LocalNodeState ?? "inactive";
    if (state === "inactive") return;
    throw new DomainError(
      "unavailable",
      `This node's Docker Engine is in swarm mode itself (${state}). Use "docker swarm leave" on the engine's own socket, then try again.`,
    );
  }

  async #untilAccepted(worker: WorkerRole): Promise<void> {
    const late = sleep(joinTimeoutMs, "late" as const, { ref: false });
    if ((await Promise.race([worker.accepted, late])) === "late") throw new DomainError("unavailable", joinGoesOn);
  }

  #enqueue<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#queue.then(work);
    this.#queue = done.catch(() => undefined);
    return done;
  }
}
