import { DomainError } from "@skep/model";
import type { Rendered } from "../render/rendered.ts";
import type { CheckFailure } from "./alerts.ts";
import { type Applied, type ApplyOptions, ConfigRejected, type DriverCounts } from "./applied.ts";
import { CommandSocket } from "./command-socket.ts";
import { ConfigChecker } from "./config-checker.ts";
import { ConfigFiles } from "./config-files.ts";
import { ConfigLoader } from "./config-loader.ts";
import { GenerationProof } from "./generation-proof.ts";
import { HaproxyProcess, type HaproxyProcessOptions } from "./haproxy-process.ts";
import { planRuntime } from "./plan-runtime.ts";
import type { ProcessTable } from "./process-table.ts";
import { RetiredServers } from "./retired-servers.ts";
import { runSteps, UnexpectedAnswer } from "./runtime-api.ts";
import { describeRuntimeStep, type RuntimeStep } from "./runtime-step.ts";
import { Turns } from "./turns.ts";
import { readWorkers, type WorkerStatistics } from "./worker-statistics.ts";

export interface DriverOptions extends HaproxyProcessOptions {
  /** As the config's `stats socket` line has it; absolute. */
  readonly adminSocket: string;
  /** As the config's `server-state-file` has it, absolute; without one nothing is saved. */
  readonly stateFile?: string;
  /**
   * So many workers may go on with long connections after reloads, each with the memory of a whole config; of more those with
   * the fewest connections end. 0: old workers end at once. 20 by default.
   */
  readonly mostOldWorkers?: number;
  /** Called when HAProxy could not be started again with the config in place and runs with an older one. */
  readonly onFallback?: () => void;
}

const defaultMostOldWorkers = 20;

interface Wish extends ApplyOptions {
  readonly wanted: Rendered;
}

/** Brings HAProxy after a wanted config, by the way that disturbs least, and keeps the file and the process the same. */
export class Driver implements AsyncDisposable {
  readonly #options: DriverOptions;
  readonly #process: HaproxyProcess;
  readonly #admin: CommandSocket;
  readonly #master: CommandSocket;
  readonly #files: ConfigFiles;
  readonly #checker: ConfigChecker;
  readonly #proof: GenerationProof;
  readonly #loader: ConfigLoader;
  readonly #retired: RetiredServers;
  readonly #turns: Turns<Wish, Applied>;
  readonly #end = new AbortController();
  /** What HAProxy runs, and what is on disk; undefined when this controller does not know. */
  #live: Rendered | undefined;
  #runtimeChanges = 0;
  #unexpectedAnswers = 0;

  private constructor(options: DriverOptions, process: HaproxyProcess) {
    this.#options = options;
    this.#process = process;
    const { signal } = this.#end;
    const master = new CommandSocket(process.masterSocket);
    const admin = new CommandSocket(options.adminSocket, master);
    const files = new ConfigFiles(options.configPath);
    this.#admin = admin;
    this.#master = master;
    this.#files = files;
    this.#checker = new ConfigChecker(options.binary, files, signal);
    this.#proof = new GenerationProof({ ...options, process, admin, master, signal });
    const { mostOldWorkers = defaultMostOldWorkers } = options;
    const parts = { process, admin, master, files, checker: this.#checker, proof: this.#proof, signal };
    this.#loader = new ConfigLoader({ ...options, ...parts, mostOldWorkers });
    this.#retired = new RetiredServers(admin, options.clock);
    this.#turns = new Turns((wish) => this.#carryOut(wish), joined);
    process.onCrash = () => this.#retired.clear();
    process.beforeRestart = (vainStarts) => this.#beforeRestart(vainStarts);
  }

  /**
   * Takes over an HAProxy that an earlier controller left running, or starts one: with the config on disk, else with
   * the last good one, else with `bootstrap`. Throws `conflict` when another controller is at work, and `unavailable`
   * when HAProxy cannot run.
   */
  static async start(options: DriverOptions, bootstrap: Rendered): Promise<Driver> {
    const process = await HaproxyProcess.open(options);
    const driver = new Driver(options, process);
    try {
      driver.#live = await driver.#loader.begin(bootstrap);
    } catch (error) {
      await driver.stop(0);
      throw error;
    }
    return driver;
  }

  /**
   * Resolves when HAProxy runs `wanted`, or something newer: of what is asked for while HAProxy reloads only the newest
   * is carried out. Throws `ConfigRejected` when HAProxy refuses it; then what ran before goes on.
   */
  apply(wanted: Rendered, options: ApplyOptions = {}): Promise<Applied> {
    return this.#turns.wish({ wanted, ...options });
  }

  /** Why HAProxy would refuse a config; undefined when it would not. Costs nothing where no reload is needed. */
  async check(rendered: Rendered): Promise<CheckFailure | undefined> {
    return this.#live && planRuntime(this.#live, rendered) ? undefined : this.#checker.check(rendered);
  }

  get generation(): number {
    return this.#loader.generation;
  }

  get counts(): DriverCounts {
    const { reloads, failedReloads, reloadSeconds } = this.#loader;
    const { checks, failures } = this.#checker;
    return {
      reloads,
      failedReloads,
      reloadSeconds,
      runtimeChanges: this.#runtimeChanges,
      unexpectedAnswers: this.#unexpectedAnswers,
      checks,
      failedChecks: failures,
      restarts: this.#process.restarts,
    };
  }

  /** Master and workers as they are now; undefined when HAProxy does not answer within a second. */
  processes(): Promise<ProcessTable | undefined> {
    return this.#proof.table(1000);
  }

  /** The counters of each worker, of old ones too; empty while HAProxy does not answer. For `StatTotals`. */
  async statistics(): Promise<WorkerStatistics[]> {
    const table = await this.processes(); // in a reload the master says nothing for a moment
    const patience = { clock: this.#options.clock, patienceMs: 1000, signal: this.#end.signal };
    return table ? readWorkers(this.#master, table, patience) : [];
  }

  /** Of the HAProxy that runs: `2.6.12-1+deb12u3`; undefined when it does not answer. */
  async version(): Promise<string | undefined> {
    return /^Version: (.+)$/m.exec((await this.#admin.askOrNothing("show info")) ?? "")?.[1];
  }

  /** Lets requests end for so long, then ends HAProxy. */
  async stop(graceMs: number): Promise<void> {
    await this.#letGo();
    await this.#process.stop(graceMs);
    this.#process.close();
  }

  /** Lets go of HAProxy, which goes on running for the next controller. */
  async leave(): Promise<void> {
    await this.#turns.idle();
    await this.#letGo();
    this.#process.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop(0);
  }

  async #letGo(): Promise<void> {
    this.#end.abort(new DomainError("unavailable", "the proxy ends"));
    await this.#turns.idle();
    await this.#retired.hold();
  }

  async #carryOut(wish: Wish): Promise<Applied> {
    this.#end.signal.throwIfAborted();
    const startMs = performance.now();
    await this.#retired.hold();
    try {
      const { how, steps } = await this.#bringAfter(wish);
      const described = steps.map(describeRuntimeStep);
      const applied = { how, generation: this.generation, steps: described, tookMs: performance.now() - startMs };
      if (how !== "unchanged") this.#options.logger.info(applied, "config applied");
      return applied;
    } finally {
      this.#retired.resume();
    }
  }

  async #bringAfter({
    wanted,
    certificates,
    reload,
    unchecked,
  }: Wish): Promise<{ how: Applied["how"]; steps: RuntimeStep[] }> {
    const live = this.#live;
    const retired = this.#retired.servers;
    const steps = live && !reload ? planRuntime(live, wanted, { retired, certificates }) : undefined;
    if (steps && (await this.#changeAtRuntime(wanted, steps)))
      return { how: steps.length === 0 ? "unchanged" : "runtime", steps };
    await this.#reload(wanted, live, { drifted: steps !== undefined, unchecked: unchecked ?? false });
    return { how: "reload", steps: [] };
  }

  /** False when HAProxy may have carried out only a part. */
  async #changeAtRuntime(wanted: Rendered, steps: readonly RuntimeStep[]): Promise<boolean> {
    this.#live = undefined;
    await this.#loader.put(wanted);
    try {
      await runSteps(this.#admin, steps);
    } catch (error) {
      if (!(error instanceof UnexpectedAnswer)) throw error;
      this.#unexpectedAnswers++;
      this.#options.logger.warn({ answer: error.message }, "runtime api refuses; haproxy reloads");
      return false;
    }
    this.#live = wanted;
    if (steps.length > 0) this.#runtimeChanges++;
    this.#retired.follow(steps);
    return true;
  }

  /** `drifted`: what runs and what is on disk may be something between `previous` and `wanted`. */
  async #reload(
    wanted: Rendered,
    previous: Rendered | undefined,
    { drifted, unchecked }: { readonly drifted: boolean; readonly unchecked: boolean },
  ): Promise<void> {
    const { restarts } = this.#process;
    const refusal = unchecked ? undefined : await this.#checker.check(wanted);
    const failure = refusal ?? (await this.#load(wanted));
    if (!failure) {
      await this.#files.forget(new Set(previous?.files.keys()).difference(new Set(wanted.files.keys())));
      return;
    }
    this.#end.signal.throwIfAborted();
    if (!refusal || drifted) await this.#restore(previous, drifted || this.#process.restarts > restarts);
    throw new ConfigRejected(failure);
  }

  async #load(wanted: Rendered): Promise<CheckFailure | undefined> {
    this.#live = undefined;
    const failure = await this.#loader.load(wanted);
    if (failure) return failure;
    this.#live = wanted;
    this.#retired.clear();
    return undefined;
  }

  async #restore(previous: Rendered | undefined, drifted: boolean): Promise<void> {
    if (!previous) await this.#files.returnToGood();
    else if (drifted) await this.#load(previous);
    else {
      await this.#loader.put(previous);
      this.#live = previous;
    }
  }

  /** HAProxy cannot run with a config that it has loaded: so it is given the last one that it could run with. */
  async #beforeRestart(vainStarts: number): Promise<void> {
    if (vainStarts < 2 || !(await this.#files.returnToGood())) return;
    this.#options.logger.error({}, "haproxy is started with the last good config");
    this.#live = undefined;
    this.#options.onFallback?.();
  }
}

/** The newest config, with all the changes of certificates on the way to it. */
const joined = (earlier: Wish, later: Wish): Wish => ({
  wanted: later.wanted,
  reload: (earlier.reload ?? false) || (later.reload ?? false),
  unchecked: later.unchecked ?? false,
  ...((earlier.certificates || later.certificates) && {
    certificates: [...(earlier.certificates ?? []), ...(later.certificates ?? [])],
  }),
});
