import { type Clock, type NodeId, type PeerRecord, pause } from "@skep/model";
import type { Kernel } from "../host/kernel.ts";
import type { NodeNetwork } from "../node-network.ts";
import { deviceMtuOf } from "../underlay.ts";
import { kernelProber } from "./kernel-prober.ts";
import { type Leg, type LegProber, probeLegs } from "./leg.ts";

export interface LegsOptions {
  readonly network: Pick<NodeNetwork, "records" | "setPathMtu">;
  readonly kernel: Kernel;
  readonly self: NodeId;
  readonly clock: Clock;
  /** All ways have been tried once more. */
  readonly onProbed?: () => void;
  /** As this machine does it, when not given. */
  readonly prober?: LegProber;
}

/** Paths change without a sign; what is sent meanwhile is fragmented or lost. */
const probeEveryMs = 60_000;

/** Knows the ways to all other nodes: tries them when a node comes, and every minute. */
export class Legs {
  readonly #options: LegsOptions;
  readonly #prober: LegProber;
  #known: readonly Leg[] = [];
  #peers = "";
  #hurry: (() => void) | undefined;

  constructor(options: LegsOptions) {
    this.#options = options;
    this.#prober = options.prober ?? kernelProber(options.kernel);
  }

  /** As last found. */
  get known(): readonly Leg[] {
    return this.#known;
  }

  /** To be called when records have changed. */
  recordsChanged(): void {
    const peers = this.#others()
      .map(({ id, address, down }) => `${id} ${address} ${down}`)
      .sort()
      .join("\n");
    if (peers === this.#peers) return;
    this.#peers = peers;
    this.#hurry?.();
  }

  /** Until `signal` aborts. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.probe();
      const hurried = new AbortController();
      this.#hurry = () => hurried.abort();
      await pause(this.#options.clock, probeEveryMs, AbortSignal.any([signal, hurried.signal]));
    }
  }

  /** Tries all ways now. */
  async probe(): Promise<readonly Leg[]> {
    const { network, kernel, self } = this.#options;
    const own = [...this.#peersKnown()].find(({ id }) => id === self);
    const deviceMtu = own && (await deviceMtuOf(kernel.host, own.address));
    if (deviceMtu === undefined) return this.#known;
    const reachable = this.#others().filter(({ down }) => !down);
    this.#known = await probeLegs(reachable, deviceMtu, this.#prober);
    for (const { nodeId, pathMtu } of this.#known) {
      await network.setPathMtu(nodeId, pathMtu !== undefined && pathMtu < deviceMtu ? pathMtu : undefined);
    }
    this.#options.onProbed?.();
    return this.#known;
  }

  #others(): PeerRecord[] {
    return [...this.#peersKnown()].filter(({ id }) => id !== this.#options.self);
  }

  *#peersKnown(): Generator<PeerRecord> {
    for (const record of this.#options.network.records.values()) if (record.kind === "peer") yield record;
  }
}
