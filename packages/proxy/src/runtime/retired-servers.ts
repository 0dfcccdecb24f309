import type { Clock } from "@skep/model";
import type { TaskServer } from "../render/rendered.ts";
import type { CommandSocket } from "./command-socket.ts";
import { deleteServers } from "./runtime-api.ts";
import { type RuntimeStep, serverKey } from "./runtime-step.ts";

const firstMs = 1000;
const longestMs = 30_000;

/** Servers that get no new requests and are removed when they have nothing to do any more, which may take hours. */
export class RetiredServers {
  readonly #socket: CommandSocket;
  readonly #clock: Clock;
  #servers: readonly TaskServer[] = [];
  #cancel: () => void = () => {};
  #deleting: Promise<void> = Promise.resolve();

  constructor(socket: CommandSocket, clock: Clock) {
    this.#socket = socket;
    this.#clock = clock;
  }

  get servers(): readonly TaskServer[] {
    return this.#servers;
  }

  /** Stops removing, so that the list stays true while steps are planned and carried out. */
  async hold(): Promise<void> {
    this.#cancel();
    await this.#deleting;
  }

  /** Follows steps that were carried out. */
  follow(steps: readonly RuntimeStep[]): void {
    for (const step of steps) {
      if (step.do === "retire-server") this.#servers = [...this.#servers, step.server];
      else if (step.do === "readmit-server")
        this.#servers = this.#servers.filter((server) => serverKey(server) !== serverKey(step.server));
    }
  }

  /** Goes on removing. */
  resume(): void {
    this.#delete(firstMs);
  }

  /** HAProxy has them no more: it has loaded the config anew. */
  clear(): void {
    this.#cancel();
    this.#servers = [];
  }

  #delete(nextMs: number): void {
    this.#cancel();
    if (this.#servers.length === 0) return;
    const asked = this.#servers;
    this.#deleting = deleteServers(this.#socket, asked).then((remaining) => {
      if (this.#servers === asked) this.#servers = remaining;
      this.#cancel = this.#clock.after(nextMs, () => this.#delete(Math.min(nextMs * 2, longestMs)));
    });
  }
}
