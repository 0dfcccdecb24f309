import { type Clock, pause } from "@skep/model";
import { type CheckFailure, parseAlerts } from "./alerts.ts";
import type { CommandSocket } from "./command-socket.ts";
import type { HaproxyProcess } from "./haproxy-process.ts";
import { type ProcessTable, parseProcessTable } from "./process-table.ts";
import { reloadState } from "./reload-state.ts";

export interface ProofOptions {
  readonly process: HaproxyProcess;
  readonly admin: CommandSocket;
  readonly master: CommandSocket;
  readonly configPath: string;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

const pollMs = 5;
/** The master is asked when the newest worker has not answered for so long; while it reloads it does not answer. */
const masterAfterMs = 100;
const masterAnswerMs = 1000;
/** A signal that the master shows no sign of after this time is lost. */
const lostAfterMs = 300;

/** What is known before HAProxy is told to load a config. */
export interface Before {
  readonly table: ProcessTable | undefined;
  readonly restarts: number;
  /** Of the process's log. */
  readonly mark: number;
}

/** Finds out which config HAProxy runs: by the generation that each config sets in the environment of its workers. */
export class GenerationProof {
  readonly #options: ProofOptions;

  constructor(options: ProofOptions) {
    this.#options = options;
  }

  /** Of the newest worker; undefined when none answers within the time. */
  running(patienceMs: number): Promise<number | undefined> {
    const { admin, clock, signal } = this.#options;
    return admin.askUntil("show env DF_GENERATION", generationIn, { clock, patienceMs, signal });
  }

  /** The master's table; undefined when it does not answer within the time. */
  table(patienceMs: number): Promise<ProcessTable | undefined> {
    const { master, clock, signal } = this.#options;
    return master.askUntil("show proc", parseProcessTable, { clock, patienceMs, signal });
  }

  async before(): Promise<Before> {
    const { process } = this.#options;
    const table = process.pid === undefined ? undefined : await this.table(masterAnswerMs);
    return { table, restarts: process.restarts, mark: process.log.mark() };
  }

  /**
   * Waits until the newest worker runs `generation`; answers undefined then. A signal that HAProxy has lost is sent
   * again. Answers why not when HAProxy refuses the config, cannot run with it, or says nothing within the time.
   */
  async prove(generation: number, before: Before, timeoutMs: number): Promise<CheckFailure | undefined> {
    const { process, clock, signal } = this.#options;
    const startMs = clock.now();
    let signalledMs = startMs;
    let table: ProcessTable | undefined;
    let asking = false;
    while (!signal.aborted) {
      const now = clock.now();
      const running = await this.running(0);
      if (!asking && now - signalledMs > masterAfterMs) {
        asking = true;
        void this.#tableNow().then((answer) => {
          table = answer;
          asking = false;
        });
      }
      const state = reloadState({ generation: running, table }, generation, before.table);
      if (state === "live") return undefined;
      if (state === "failed" || this.#endedTwice(before))
        return this.#failure(before, "HAProxy cannot run with the config");
      if (state === "lost" && now - signalledMs > lostAfterMs) {
        process.reload();
        signalledMs = now;
        table = undefined;
      }
      if (now - startMs > timeoutMs)
        return this.#failure(before, `HAProxy has not loaded the config within ${timeoutMs} ms`);
      await pause(clock, pollMs, signal);
    }
    return this.#failure(before, "the controller ends");
  }

  async #tableNow(): Promise<ProcessTable | undefined> {
    return parseProcessTable((await this.#options.master.askOrNothing("show proc", masterAnswerMs)) ?? "");
  }

  /** Once may be chance, as when somebody has killed it. */
  #endedTwice({ restarts }: Before): boolean {
    return this.#options.process.restarts - restarts >= 2;
  }

  #failure({ mark }: Before, otherwise: string): CheckFailure {
    const { process, configPath } = this.#options;
    const alerts = parseAlerts(process.log.since(mark), configPath);
    return { alerts: alerts.length > 0 ? alerts : [{ message: otherwise, lines: [] }] };
  }
}

function generationIn(answer: string): number | undefined {
  const digits = /^DF_GENERATION=(\d+)$/m.exec(answer)?.[1];
  return digits === undefined ? undefined : Number(digits);
}
