import type { ContainerSummary, Engine, EngineEvent } from "@skep/engine";
import { type Clock, type Logger, pause } from "@skep/model";
import { BackOff } from "./back-off.ts";
import { swarmLabel } from "./container-config.ts";
import { type ContainerState, phaseOf } from "./container-state.ts";
import { orAborted } from "./or-aborted.ts";

/** A container of a task, as the engine's list shows it. */
export interface ListedContainer {
  readonly id: string;
  readonly name: string;
  readonly taskId: string;
  readonly nodeId: string;
  readonly phase: ContainerState["phase"];
}

export interface WatchOptions {
  readonly engine: Engine;
  readonly clock: Clock;
  readonly log: Logger;
  readonly onEvent: (taskId: string, containerId: string, action: string) => void;
  /** After every reading of the whole list. */
  readonly onList: (containers: readonly ListedContainer[]) => void;
}

/** How often the whole list is read although no event asked for it. */
const compareEveryMs = 60_000;
/** The event stream starts so much before now, that nothing falls between it and the list. */
const overlapMs = 1_000;

const eventFilters = {
  type: ["container"],
  label: [swarmLabel.task],
  event: ["start", "die", "destroy", "health_status"],
};

/** Follows the containers of tasks: one event stream, and the whole list at every (re)connection and every minute. */
export class ContainerWatch {
  readonly #options: WatchOptions;
  readonly #backOff: BackOff;
  /** The latest list by task; undefined while the engine is away. */
  #listed: ReadonlyMap<string, ListedContainer> | undefined;
  #away = false;
  #nextList = Promise.withResolvers<void>();

  constructor(options: WatchOptions) {
    this.#options = options;
    this.#backOff = new BackOff(options.clock);
  }

  /** The container of a task in the latest list; waits while the engine is away. */
  async find(taskId: string, signal: AbortSignal): Promise<ListedContainer | undefined> {
    while (!this.#listed) await orAborted(this.#nextList.promise, signal);
    return this.#listed.get(taskId);
  }

  /** Until `signal` aborts; an engine that is away is tried again. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const connection = new AbortController();
      const both = AbortSignal.any([signal, connection.signal]);
      try {
        await Promise.all([this.#followEvents(both), this.#compareAgainAndAgain(both)]);
      } catch (err) {
        if (signal.aborted) break;
        if (!this.#away) this.#options.log.warn({ err }, "engine does not answer, trying again");
        this.#away = true;
      }
      connection.abort();
      this.#listed = undefined;
      await this.#backOff.wait(signal);
    }
  }

  async #followEvents(signal: AbortSignal): Promise<void> {
    const since = ((this.#options.clock.now() - overlapMs) / 1000).toFixed(3);
    for await (const event of this.#options.engine.events(eventFilters, signal, since)) this.#tell(event);
  }

  #tell({ Actor, Action }: EngineEvent): void {
    const taskId = Actor.Attributes[swarmLabel.taskId];
    if (taskId !== undefined) this.#options.onEvent(taskId, Actor.ID, Action.replace(/:.*/, ""));
  }

  async #compareAgainAndAgain(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const containers = await this.#options.engine.listContainers({ all: true, labels: [swarmLabel.task] });
      if (signal.aborted) return;
      this.#backOff.reset();
      if (this.#away) this.#options.log.info({ containers: containers.length }, "engine answers again");
      this.#away = false;
      this.#take(containers.map(listed));
      await pause(this.#options.clock, compareEveryMs, signal);
    }
  }

  #take(containers: readonly ListedContainer[]): void {
    this.#listed = new Map(containers.map((container) => [container.taskId, container]));
    this.#nextList.resolve();
    this.#nextList = Promise.withResolvers();
    this.#options.onList(containers);
  }
}

const listed = ({ Id, Names, Labels, State }: ContainerSummary): ListedContainer => ({
  id: Id,
  name: Names[0]?.replace(/^\//, "") ?? Id,
  taskId: Labels[swarmLabel.taskId] ?? "",
  nodeId: Labels[swarmLabel.nodeId] ?? "",
  phase: phaseOf(State),
});
