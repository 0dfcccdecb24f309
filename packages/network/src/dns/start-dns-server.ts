import { Worker } from "node:worker_threads";
import { type Logger, silentLogger } from "@skep/model";
import type { DnsClient, DnsPorts, DnsServer, Zone } from "./dns-server.ts";
import type { NumberedRequest, WorkerMessage, WorkerRequest } from "./worker-protocol.ts";
import { changeZone, diffZone, type ZoneChange } from "./zone-change.ts";

export interface DnsServerOptions {
  readonly logger?: Logger;
  /** The node's own upstream servers, as in its resolv.conf. */
  readonly upstreams?: readonly string[];
  /** Makes the thread, and another one when it ended. */
  readonly startThread?: () => Worker;
}

/** A thread that ends sooner than this after its start is not started again at once. */
const restartMs = 1000;

const resourceLimits = { maxOldGenerationSizeMb: 256, maxYoungGenerationSizeMb: 32 };

export const startDnsThread = (): Worker =>
  new Worker(new URL("./dns-worker.ts", import.meta.url), { name: "skep-dns", resourceLimits });

/** Starts the thread that answers at 127.0.0.11 in every container. Resolves when it is ready, rejects if it never is. */
export async function startDnsServer(options: DnsServerOptions = {}): Promise<DnsServer> {
  const server = new ThreadedDnsServer(options.logger ?? silentLogger, options.startThread ?? startDnsThread);
  await server.setUpstreams(options.upstreams ?? []);
  return server;
}

interface Pending extends NumberedRequest {
  readonly resolve: (ports: DnsPorts | undefined) => void;
  readonly reject: (error: Error) => void;
}

/** Keeps what the thread was told, so that a new one can take the place of one that failed. */
class ThreadedDnsServer implements DnsServer {
  readonly #logger: Logger;
  readonly #startThread: () => Worker;
  readonly #zones = new Map<string, Zone>();
  readonly #clients = new Map<string, DnsClient>();
  #upstreams: readonly string[] = [];
  readonly #pending = new Map<number, Pending>();
  #number = 0;
  #worker: Worker;
  #startedAt = 0;
  #restart: NodeJS.Timeout | undefined;
  /** Whether a thread ever said anything: one that cannot start at all is not worth starting again. */
  #worked = false;
  #closed = false;

  constructor(logger: Logger, startThread: () => Worker) {
    this.#startThread = startThread;
    this.#logger = logger.child({ component: "dns" });
    this.#worker = this.#startWorker();
  }

  async putZone(zone: Zone): Promise<void> {
    const known = this.#zones.get(zone.networkId);
    this.#zones.set(zone.networkId, zone);
    await this.#ask(known ? { do: "change-zone", change: diffZone(known, zone) } : { do: "put-zone", zone });
  }

  async changeZone(change: ZoneChange): Promise<void> {
    const known = this.#zones.get(change.networkId);
    if (!known) return;
    this.#zones.set(change.networkId, changeZone(known, change));
    await this.#ask({ do: "change-zone", change });
  }

  async removeZone(networkId: string): Promise<void> {
    this.#zones.delete(networkId);
    await this.#ask({ do: "remove-zone", networkId });
  }

  async setUpstreams(servers: readonly string[]): Promise<void> {
    this.#upstreams = servers;
    await this.#ask({ do: "set-upstreams", servers });
  }

  async open(client: DnsClient): Promise<DnsPorts> {
    const known = this.#clients.get(client.containerId);
    const ports = client.ports ?? known?.ports;
    const wanted: DnsClient = ports === undefined ? client : { ...client, ports };
    this.#clients.set(client.containerId, wanted);
    const isLatest = () => this.#clients.get(client.containerId) === wanted;
    try {
      const opened = (await this.#ask({ do: "open", client: wanted })) ?? { udp: 0, tcp: 0 };
      if (isLatest()) this.#clients.set(client.containerId, { ...wanted, ports: opened });
      return opened;
    } catch (error) {
      if (isLatest() && known === undefined) this.#clients.delete(client.containerId);
      else if (isLatest() && known !== undefined) this.#clients.set(client.containerId, known);
      throw error;
    }
  }

  async close(containerId: string): Promise<void> {
    this.#clients.delete(containerId);
    await this.#ask({ do: "close", containerId });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#restart);
    await this.#worker.terminate();
    this.#rejectAll(new Error("the DNS server is closed"));
  }

  #ask(request: WorkerRequest): Promise<DnsPorts | undefined> {
    if (this.#closed) return Promise.reject(new Error("the DNS server is closed"));
    return new Promise((resolve, reject) => {
      const number = ++this.#number;
      this.#pending.set(number, { number, request, resolve, reject });
      this.#worker.postMessage({ number, request } satisfies NumberedRequest);
    });
  }

  #startWorker(): Worker {
    const worker = this.#startThread();
    this.#startedAt = performance.now();
    worker.on("message", (message: WorkerMessage) => this.#receive(message));
    let cause: unknown;
    worker.on("error", (error) => {
      cause = error;
      this.#logger.error({ err: error }, "dns thread failed");
    });
    worker.once("exit", () => this.#ended(cause));
    return worker;
  }

  #receive(message: WorkerMessage): void {
    this.#worked = true;
    if (message.is === "problem") {
      this.#logger.warn({ container: message.containerId, err: message.error }, "dns socket failed");
      return;
    }
    const pending = this.#pending.get(message.number);
    this.#pending.delete(message.number);
    if (message.is === "done") pending?.resolve(message.ports);
    else pending?.reject(message.error);
  }

  #ended(cause: unknown): void {
    if (this.#closed) return;
    if (!this.#worked) {
      this.#closed = true;
      this.#rejectAll(new Error("the DNS thread does not start", { cause }));
      return;
    }
    const waitMs = Math.max(0, restartMs - (performance.now() - this.#startedAt));
    this.#restart = setTimeout(() => this.#startAgain(), waitMs);
  }

  /** The new thread is told everything, then asked what its predecessor did not answer. */
  #startAgain(): void {
    const unanswered = [...this.#pending.values()];
    this.#worker = this.#startWorker();
    for (const zone of this.#zones.values()) this.#tell({ do: "put-zone", zone });
    this.#tell({ do: "set-upstreams", servers: this.#upstreams });
    for (const client of this.#clients.values()) void this.#reopen(client);
    for (const { number, request } of unanswered) this.#worker.postMessage({ number, request });
    this.#logger.warn({ containers: this.#clients.size }, "dns thread started again");
  }

  #rejectAll(error: Error): void {
    for (const { reject } of this.#pending.values()) reject(error);
    this.#pending.clear();
  }

  #tell(request: WorkerRequest): void {
    this.#ask(request).catch(() => {}); // it fails only when the thread ends again, and then all is told anew
  }

  async #reopen(client: DnsClient): Promise<void> {
    try {
      const ports = await this.#ask({ do: "open", client });
      if (ports?.udp === client.ports?.udp && ports?.tcp === client.ports?.tcp) return;
      this.#logger.error({ container: client.containerId, ports }, "dns ports of a container were taken");
    } catch (error) {
      this.#logger.warn({ container: client.containerId, err: error }, "dns of a container not opened again");
    }
  }
}
