import { type Clock, DomainError, type Logger, pause } from "@skep/model";
import type { Rendered } from "../render/rendered.ts";
import { type CheckFailure, failureText } from "./alerts.ts";
import type { CommandSocket } from "./command-socket.ts";
import type { ConfigChecker } from "./config-checker.ts";
import { type ConfigFiles, generationOf, readOrNothing, withGeneration } from "./config-files.ts";
import type { GenerationProof } from "./generation-proof.ts";
import { type HaproxyProcess, signalProcess } from "./haproxy-process.ts";
import { surplusWorkers } from "./process-table.ts";
import { ensureServerState, saveServerState } from "./server-state.ts";
import { readConnections } from "./worker-statistics.ts";

export interface ConfigLoaderOptions {
  readonly process: HaproxyProcess;
  readonly admin: CommandSocket;
  readonly files: ConfigFiles;
  readonly checker: ConfigChecker;
  readonly proof: GenerationProof;
  readonly adminSocket: string;
  readonly stateFile?: string;
  readonly mostOldWorkers: number;
  readonly master: CommandSocket;
  readonly signal: AbortSignal;
  readonly clock: Clock;
  readonly logger: Logger;
}

const reloadTimeoutMs = 30_000;
const startTimeoutMs = 15_000;
const adoptionMs = 2000;
const manyOldWorkers = 8;
const restMs = 1000;

/** Puts configs in place and has HAProxy load them, one after the other. */
export class ConfigLoader {
  /** Of the config that HAProxy runs. */
  generation = 0;
  reloads = 0;
  failedReloads = 0;
  reloadSeconds = 0;
  readonly #options: ConfigLoaderOptions;
  /** HAProxy loses a signal that comes before its master is back from the reload before. */
  #masterReady: Promise<unknown> = Promise.resolve();
  #oldWorkers = 0;
  #reloadedMs = 0;

  constructor(options: ConfigLoaderOptions) {
    this.#options = options;
  }

  /**
   * Takes over the HAProxy that runs, or starts one: with the config on disk, else with the last good one, else with
   * `bootstrap`; answers the last only. Throws `unavailable` when HAProxy cannot run.
   */
  async begin(bootstrap: Rendered): Promise<Rendered | undefined> {
    const { process, proof, files, stateFile } = this.#options;
    if (process.pid !== undefined) {
      const running = await proof.running(adoptionMs);
      if (running !== undefined) {
        this.generation = running;
        return undefined;
      }
      await process.stop(0);
    }
    if (stateFile !== undefined) await ensureServerState(stateFile);
    const chosen = await this.#chooseConfig(bootstrap);
    const before = await proof.before();
    process.start();
    const failure = await proof.prove(this.generation, before, startTimeoutMs);
    if (failure) throw new DomainError("unavailable", `HAProxy does not start: ${failureText(failure)}`);
    await files.keepAsGood();
    return chosen;
  }

  /** Puts the config in place, for the process as it is and for its next start. */
  put(rendered: Rendered): Promise<void> {
    return this.#options.files.put({ ...rendered, config: withGeneration(rendered.config, this.generation) });
  }

  /** Resolves when HAProxy runs the config; else answers why it does not. */
  async load(wanted: Rendered): Promise<CheckFailure | undefined> {
    const { process, proof, admin, stateFile } = this.#options;
    await this.#masterReady;
    await this.#rest();
    const before = await proof.before();
    if (stateFile !== undefined) await saveServerState(admin, stateFile);
    const running = this.generation++;
    await this.put(wanted);
    const startMs = performance.now();
    process.reload();
    const failure = await proof.prove(this.generation, before, reloadTimeoutMs);
    if (failure) {
      this.failedReloads++;
      this.generation = running;
      return failure;
    }
    this.reloads++;
    this.reloadSeconds += (performance.now() - startMs) / 1000;
    this.#masterReady = this.#afterReload();
    await this.#options.files.keepAsGood();
    return undefined;
  }

  async #afterReload(): Promise<void> {
    const { proof, master, mostOldWorkers, clock, logger } = this.#options;
    this.#reloadedMs = clock.now();
    const table = await proof.table(startTimeoutMs);
    this.#oldWorkers = table?.oldWorkers.length ?? 0;
    if (!table || this.#oldWorkers <= mostOldWorkers) return;
    const connections = await readConnections(master, table.oldWorkers);
    for (const { pid } of surplusWorkers(table, mostOldWorkers, connections)) {
      logger.info({ pid }, "old haproxy worker ends with its connections");
      signalProcess(pid, "SIGTERM");
    }
  }

  /**
   * Each reload leaves a worker to the connections that clients keep, for as long as these are silent. Where many are left
   * already, the next reload waits, and takes with it what has changed by then.
   */
  async #rest(): Promise<void> {
    const { clock, signal } = this.#options;
    if (this.#oldWorkers > manyOldWorkers) await pause(clock, this.#reloadedMs + restMs - clock.now(), signal);
  }

  async #chooseConfig(bootstrap: Rendered): Promise<Rendered | undefined> {
    const { files } = this.#options;
    if (await this.#isUsable()) return undefined;
    if ((await files.returnToGood()) && (await this.#isUsable())) return undefined;
    this.generation = 1;
    await this.put(bootstrap);
    return bootstrap;
  }

  /** Whether HAProxy can be started with the config on disk; then its generation is ours. */
  async #isUsable(): Promise<boolean> {
    const { files, checker, adminSocket, logger } = this.#options;
    const config = (await readOrNothing(files.configPath)) ?? "";
    const generation = generationOf(config);
    if (generation === undefined || !config.includes(` ${adminSocket} `)) return false;
    this.generation = generation;
    const failure = await checker.checkFile(files.configPath);
    if (failure) logger.warn({ reason: failureText(failure) }, "the config on disk is not used");
    return failure === undefined;
  }
}
