import { EngineUnavailable } from "@skep/engine";
import {
  type Assignment,
  type ContainerSpec,
  compareTaskStates,
  isTerminal,
  type NodeDescription,
  pause,
  type TaskStatus,
} from "@skep/model";
import { BackOff } from "./back-off.ts";
import { hasHealthcheck } from "./container-config.ts";
import type { ContainerState } from "./container-state.ts";
import { expandedSpec } from "./expanded-spec.ts";
import { describeStep, planTask, type TaskStep, type TaskView } from "./plan-task.ts";
import { isPassing, isStatus, type NodeParts, TaskExecutor } from "./task-executor.ts";
import { furtherStatus, nextStatus } from "./task-status.ts";

export interface RunnerOptions {
  readonly assignment: Assignment;
  /** For the templates in the spec. */
  readonly description: Pick<NodeDescription, "Hostname" | "Platform">;
  readonly parts: NodeParts;
  readonly report: (status: TaskStatus) => void;
  /** The task's container as far as the engine's list is known; waits until it is. */
  readonly findContainer: (signal: AbortSignal) => Promise<string | undefined>;
}

/** A creation or start counts as one of those at a time for so long. */
const placeMs = 10_000;

/** Carries one task through its life: looks, plans, acts, until nothing is left of it. */
export class TaskRunner {
  readonly #parts: NodeParts;
  readonly #executor: TaskExecutor;
  readonly #backOff: BackOff;
  readonly #report: (status: TaskStatus) => void;
  readonly #findContainer: RunnerOptions["findContainer"];
  readonly #spec: ContainerSpec | string;
  #assignment: Assignment;
  #assigned = true;
  #status: TaskStatus;
  #containerId: string | undefined;
  #container: ContainerState | undefined;
  /** What is known of the container may no longer hold. */
  #stale = true;
  #observed = false;
  #ended = false;
  #pulled = false;
  #step: TaskStep["do"] = "wait";
  #pulling: AbortController | undefined;
  #woken = false;
  #wake: (() => void) | undefined;
  readonly #watchers = new Set<() => void>();

  constructor({ assignment, description, parts, report, findContainer }: RunnerOptions) {
    this.#assignment = assignment;
    this.#status = assignment.task.status;
    this.#parts = parts;
    this.#executor = new TaskExecutor(parts);
    this.#backOff = new BackOff(parts.clock);
    this.#report = report;
    this.#findContainer = findContainer;
    this.#spec = expandedSpec(assignment, description);
  }

  get status(): TaskStatus {
    return this.#status;
  }

  get container(): ContainerState | undefined {
    return this.#container;
  }

  /** The engine has been asked at least once; until then `container` tells nothing. */
  get observed(): boolean {
    return this.#observed;
  }

  /** Nothing is left of the task. */
  get ended(): boolean {
    return this.#ended;
  }

  /** Takes over what the manager wants now, and tells it again what it has missed. */
  assign(assignment: Assignment): void {
    this.#assignment = assignment;
    this.#assigned = true;
    const known = assignment.task.status;
    this.#status = furtherStatus(this.#status, known);
    if (compareTaskStates(this.#status.state, known.state) > 0) this.#report(this.#status);
    this.#hurry();
  }

  /** The task has left the assignments. */
  release(): void {
    this.#assigned = false;
    this.#hurry();
  }

  /** The engine says that something happened to this container. */
  onEvent(containerId: string, action: string): void {
    if (this.#containerId !== undefined && containerId !== this.#containerId) return;
    const ownDoing = action === "start" && (this.#step === "start" || this.#container?.phase === "running");
    if (action === "destroy") this.#gone();
    else if (!ownDoing) this.#look();
  }

  /** The engine's list has been read again; `phase` of the task's container in it, if there is one. */
  onList(phase: ContainerState["phase"] | undefined): void {
    const followsHealth = phase === "running" && this.#container?.health !== "none";
    if (phase !== this.#container?.phase || followsHealth) this.#look();
    this.#backOff.hurry();
  }

  /** Resolves when nothing is left of the task, or `signal` aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const onAbort = () => this.#hurry();
    signal.addEventListener("abort", onAbort);
    while (!signal.aborted) {
      this.#woken = false;
      try {
        if (this.#stale) await this.#observe(signal);
        const step = planTask(this.#view());
        if (step.do === "forget") break;
        await (step.do === "wait" ? this.#sleep() : this.#apply(step, signal));
        this.#backOff.reset();
      } catch (err) {
        if (signal.aborted) break;
        const fields = { task: this.#assignment.task.id, step: this.#step, err };
        if (err instanceof EngineUnavailable) this.#parts.log.debug(fields, "engine is away");
        else this.#parts.log.warn(fields, "task step failed, trying again");
        this.#stale = true;
        await this.#backOff.wait(signal);
      }
    }
    signal.removeEventListener("abort", onAbort);
    this.#ended = true;
    this.#changed();
    if (!signal.aborted) await this.#parts.hooks.release(this.#assignment.task);
  }

  /** Resolves after the next change of the container, the status, or the end of the runner. */
  nextChange(): Promise<void> {
    return new Promise((resolve) => this.#watchers.add(resolve));
  }

  #view(): TaskView {
    const { task } = this.#assignment;
    return {
      desired: task.desiredState,
      assigned: this.#assigned,
      status: this.#status,
      container: this.#container,
      healthcheck: hasHealthcheck(task.spec.ContainerSpec),
      invalid: typeof this.#spec === "string" ? this.#spec : undefined,
      pulled: this.#pulled,
    };
  }

  async #observe(signal: AbortSignal): Promise<void> {
    this.#stale = false;
    this.#containerId ??= await this.#findContainer(signal);
    this.#container = this.#containerId === undefined ? undefined : await this.#executor.look(this.#containerId);
    if (!this.#container) this.#containerId = undefined;
    this.#observed = true;
    this.#changed();
  }

  async #apply(step: TaskStep, signal: AbortSignal): Promise<void> {
    this.#step = step.do;
    this.#parts.log.debug({ task: this.#assignment.task.id, step: describeStep(step) }, "task step");
    switch (step.do) {
      case "report":
        return this.#advance(step);
      case "pull":
        return this.#pull(signal);
      case "create":
        return this.#inTurn(step, signal, () => this.#create());
      case "start":
        return this.#inTurn(step, signal, () => this.#start());
      case "stop":
        this.#stale = true;
        return this.#withContainer((id) => this.#executor.stop(this.#assignment.task, id));
      case "remove":
        await this.#withContainer((id) => this.#executor.remove(id));
        return this.#gone();
    }
  }

  /** Waits for a place among the node's starts; by then the step may no longer be wanted. One that hangs holds up nobody. */
  async #inTurn(step: TaskStep, signal: AbortSignal, act: () => Promise<void>): Promise<void> {
    let acting: Promise<void> | undefined;
    await this.#parts.starts.run(async () => {
      if (signal.aborted || planTask(this.#view()).do !== step.do) return;
      const done = new AbortController();
      acting = act().finally(() => done.abort());
      await Promise.race([acting, pause(this.#parts.clock, placeMs, done.signal)]);
    });
    await acting;
  }

  async #pull(signal: AbortSignal): Promise<void> {
    const pulling = new AbortController();
    this.#pulling = pulling;
    const { task, registryAuth } = this.#assignment;
    try {
      await this.#executor.pull(task, registryAuth, AbortSignal.any([signal, pulling.signal]));
      this.#pulled = true;
    } catch (error) {
      if (!pulling.signal.aborted) throw error;
    } finally {
      this.#pulling = undefined;
    }
  }

  async #create(): Promise<void> {
    const { task } = this.#assignment;
    if (typeof this.#spec === "string") return;
    try {
      this.#container = await this.#executor.create(task, this.#spec);
      this.#containerId = this.#container.id;
      this.#changed();
    } catch (error) {
      if (isPassing(error)) throw error;
      this.#advance({ state: "rejected", message: this.#status.message, err: (error as Error).message });
    }
  }

  async #start(): Promise<void> {
    const id = this.#containerId;
    if (id === undefined) return;
    try {
      await this.#executor.start(id);
      await this.#observe(neverAborted);
    } catch (error) {
      if (isPassing(error) || isStatus(error, 404)) throw error;
      await this.#observe(neverAborted);
      if (this.#container?.phase === "running") return;
      const err = `starting container failed: ${(error as Error).message}`;
      this.#advance({ state: "failed", message: this.#status.message, err });
    }
  }

  async #withContainer(act: (id: string) => Promise<void>): Promise<void> {
    if (this.#containerId === undefined) return;
    try {
      await act(this.#containerId);
    } catch (error) {
      if (!isStatus(error, 404)) throw error;
      this.#gone();
    }
  }

  #advance(change: { state: TaskStatus["state"]; message: string; err?: string }): void {
    const next = nextStatus(this.#status, change, this.#container, this.#parts.clock.now());
    if (!next) return;
    this.#status = next;
    this.#report(next);
    this.#changed();
    if (next.state !== "running" && !isTerminal(next.state)) return;
    const { id: task, serviceName: service } = this.#assignment.task;
    this.#parts.log.info({ task, service, state: next.state, err: next.err }, "task changed");
  }

  async #sleep(): Promise<void> {
    if (this.#woken) return;
    await new Promise<void>((resolve) => (this.#wake = resolve));
  }

  #gone(): void {
    this.#container = undefined;
    this.#containerId = undefined;
    this.#changed();
    this.#hurry();
  }

  #look(): void {
    this.#stale = true;
    this.#hurry();
  }

  #hurry(): void {
    if (!this.#assigned || isTerminal(this.#assignment.task.desiredState)) this.#pulling?.abort();
    this.#woken = true;
    this.#wake?.();
    this.#backOff.hurry();
  }

  #changed(): void {
    for (const resolve of this.#watchers) resolve();
    this.#watchers.clear();
  }
}

const neverAborted = new AbortController().signal;
