import { type Clock, type NodeId, newId, type PublishedPort, pause, type TakenPort } from "@skep/model";
import type { AgentSession } from "./agent-session.ts";

export type ProbedPort = Pick<PublishedPort, "protocol" | "published">;

/** Somebody else than skep has the port there. */
export interface PortHolder extends TakenPort {
  readonly nodeId: NodeId;
  /** The node's host name. */
  readonly node: string;
}

/** A node that takes longer is not waited for: it tells of the conflict when it is to publish the port. */
const timeoutMs = 1000;

interface Probe {
  /** Those that have not answered yet. */
  readonly asked: Set<AgentSession>;
  readonly taken: (TakenPort & { readonly nodeId: NodeId })[];
  readonly finish: () => void;
}

/** Asks nodes which of some ports their own processes have. */
export class PortProbes {
  readonly #clock: Clock;
  readonly #probes = new Map<string, Probe>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Resolves with what those say that answer in time; rejects when `signal` aborts. */
  async ask(
    sessions: readonly AgentSession[],
    ports: readonly ProbedPort[],
    signal: AbortSignal,
  ): Promise<Probe["taken"]> {
    signal.throwIfAborted();
    if (sessions.length === 0 || ports.length === 0) return [];
    const id = newId<"probe">();
    const finished = new AbortController();
    const probe: Probe = { asked: new Set(sessions), taken: [], finish: () => finished.abort() };
    this.#probes.set(id, probe);
    for (const session of sessions) session.send({ type: "probe-ports", id, ports });
    await pause(this.#clock, timeoutMs, AbortSignal.any([signal, finished.signal]));
    this.#probes.delete(id);
    signal.throwIfAborted();
    return probe.taken;
  }

  answer(session: AgentSession, id: string, taken: readonly TakenPort[]): void {
    const probe = this.#probes.get(id);
    if (!probe?.asked.delete(session)) return;
    probe.taken.push(...taken.map((port) => ({ ...port, nodeId: session.nodeId })));
    if (probe.asked.size === 0) probe.finish();
  }

  /** The session is over: its answer will not come. */
  abandon(session: AgentSession): void {
    for (const probe of this.#probes.values())
      if (probe.asked.delete(session) && probe.asked.size === 0) probe.finish();
  }
}
