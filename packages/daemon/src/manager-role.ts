import { join } from "node:path";
import type { ClusterEventLog, ManagerAccess } from "@skep/api";
import { Manager, type ServerCertificate } from "@skep/manager";
import type { Clock, Logger } from "@skep/model";
import { EmbeddedStore } from "@skep/store";
import { splitHostPort } from "./addresses.ts";

export interface ManagerRoleOptions {
  readonly dataRoot: string;
  /** Told of the store's changes for as long as the role runs. */
  readonly events: ClusterEventLog;
  /** Called when the store can keep nothing any more: only a restart helps. */
  readonly onBroken: (reason: unknown) => void;
  readonly clock: Clock;
  readonly logger: Logger;
}

export const storePath = (dataRoot: string): string => join(dataRoot, "swarm", "store.db");

export const openStore = ({
  dataRoot,
  clock,
  logger,
}: Pick<ManagerRoleOptions, "dataRoot" | "clock" | "logger">): Promise<EmbeddedStore> =>
  EmbeddedStore.open(storePath(dataRoot), { clock, logger: logger.child({ component: "store" }) });

/** What a manager runs besides its agent: the store and the control plane. */
export class ManagerRole implements ManagerAccess {
  readonly store: EmbeddedStore;
  readonly #manager: Manager;
  readonly #stopping = new AbortController();
  #following: Promise<void> = Promise.resolve();

  private constructor(store: EmbeddedStore, manager: Manager) {
    this.store = store;
    this.#manager = manager;
  }

  /** Takes over `store`: it is closed with the role, or when the start fails. */
  static async start(
    store: EmbeddedStore,
    listenAddr: string,
    certificate: ServerCertificate,
    { events, onBroken, clock, logger }: ManagerRoleOptions,
  ): Promise<ManagerRole> {
    const manager = new Manager({ store, clock, logger });
    const { host, port } = splitHostPort(listenAddr);
    try {
      await manager.start({ host, port: Number(port) }, certificate, (err) =>
        logger.error({ err }, "a control loop ended; restart skepd, and report this"),
      );
    } catch (error) {
      await manager.stop();
      await store.close();
      throw error;
    }
    store.broken.addEventListener("abort", () => onBroken(store.broken.reason), { once: true });
    const role = new ManagerRole(store, manager);
    role.#following = events.follow(store, role.#stopping.signal);
    return role;
  }

  get control() {
    return this.#manager.control;
  }

  networkProgress() {
    return this.#manager.networkProgress();
  }

  taskLogs(...call: Parameters<ManagerAccess["taskLogs"]>) {
    return this.#manager.taskLogs(...call);
  }

  rotateJoinToken(role: "worker" | "manager"): Promise<void> {
    return this.#manager.rotateJoinToken(role);
  }

  updateCertificate(certificate: ServerCertificate): void {
    this.#manager.updateCertificate(certificate);
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await Promise.all([this.#manager.stop(), this.#following]);
    await this.store.close();
  }
}
