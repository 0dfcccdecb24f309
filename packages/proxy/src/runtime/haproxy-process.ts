import { spawn } from "node:child_process";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { type Clock, hasCode, type Logger } from "@skep/model";
import { findMasters, processStatus } from "./find-haproxy.ts";
import { lockDirectory } from "./lock.ts";
import { StderrLog } from "./stderr-log.ts";

export interface HaproxyProcessOptions {
  /** `haproxy`, or a path. */
  readonly binary: string;
  /** Absolute. */
  readonly configPath: string;
  /** Absolute; of the master's socket and of what HAProxy says. Made when it is missing. */
  readonly runDirectory: string;
  /** Where HAProxy's own stdout goes, and with it the requests' log of `log stdout`. */
  readonly stdout: "inherit" | "ignore";
  readonly clock: Clock;
  readonly logger: Logger;
}

type State =
  | { readonly state: "stopped" }
  /** A child of this process, or one that an earlier controller left behind. */
  | { readonly state: "running"; readonly pid: number; readonly sinceMs: number }
  /** Between two attempts. */
  | { readonly state: "waiting"; readonly cancel: () => void };

/** Whoever ends sooner after its start was started in vain. */
const soonMs = 5000;
const firstRestMs = 100;
const longestRestMs = 5000;
const lookMs = 250;
const killMs = 2000;
const againMs = 250;

/** How long to wait before the next start, after so many in a row that were in vain. */
export const restBeforeStart = (vain: number): number =>
  vain <= 1 ? 0 : Math.min(firstRestMs * 2 ** (vain - 2), longestRestMs);

/**
 * One HAProxy, a master with its workers, in a session of its own: a signal for the controller's terminal does not
 * reach it. It is started again whenever it ends without having been asked to. When the controller itself is killed,
 * HAProxy goes on, and the next controller adopts it.
 */
export class HaproxyProcess implements AsyncDisposable {
  readonly masterSocket: string;
  readonly log: StderrLog;
  /** Called before each start that nobody asked for; may put another config in place. */
  beforeRestart: (vainStarts: number) => Promise<void> = async () => {};
  /** Called when HAProxy has ended without having been asked to. */
  onCrash: () => void = () => {};
  /** Starts that nobody asked for. */
  restarts = 0;
  readonly #options: HaproxyProcessOptions;
  readonly #lock: Disposable;
  #state: State = { state: "stopped" };
  #stopping = false;
  #vainStarts = 0;
  #ended = Promise.withResolvers<void>();

  private constructor(options: HaproxyProcessOptions, lock: Disposable) {
    this.#options = options;
    this.#lock = lock;
    this.masterSocket = masterSocketIn(options.runDirectory);
    this.log = new StderrLog(join(options.runDirectory, "haproxy.stderr"), options.logger);
  }

  /** Takes the lock and, when an HAProxy of an earlier controller runs, adopts it. Throws `conflict`. */
  static async open(options: HaproxyProcessOptions): Promise<HaproxyProcess> {
    await mkdir(options.runDirectory, { recursive: true });
    const lock = await lockDirectory(options.runDirectory);
    const opened = new HaproxyProcess(options, lock);
    await opened.#adopt();
    return opened;
  }

  /** Undefined while it does not run. */
  get pid(): number | undefined {
    return this.#state.state === "running" ? this.#state.pid : undefined;
  }

  /** Starts HAProxy with the config in place; whether it loads the config, its sockets and `log` tell. */
  start(): void {
    const { binary, configPath, stdout, clock, logger } = this.#options;
    this.#stopping = false;
    const stdio = ["ignore", stdout, this.log.fd] as const;
    // buffers that its threads do not keep for themselves are kept for all, not given to the C library and asked for again:
    // 5 % of a request's cost where copies of requests are kept for another try
    const child = spawn(binary, ["-W", "-dMglobal", "-S", this.masterSocket, "-f", configPath], {
      detached: true,
      stdio: [...stdio],
    });
    this.#ended = Promise.withResolvers();
    child.once("error", (err) => this.#hasEnded(err.message)); // there is no such program
    if (child.pid === undefined) return;
    child.once("exit", (code, signal) => this.#hasEnded(signal ?? `exit code ${code}`));
    child.unref();
    this.#state = { state: "running", pid: child.pid, sinceMs: clock.now() };
    logger.info({ pid: child.pid }, "haproxy started");
  }

  /** Makes HAProxy load the config in place, when it runs. */
  reload(): void {
    this.#signal("SIGUSR2");
  }

  /** Lets requests end for so long, then ends HAProxy; resolves when it is gone. */
  async stop(graceMs: number): Promise<void> {
    this.#stopping = true;
    if (this.#state.state === "waiting") this.#state.cancel();
    if (this.#state.state !== "running") {
      this.#state = { state: "stopped" };
      return;
    }
    for (const [signal, waitMs] of [
      ["SIGUSR1", graceMs],
      ["SIGTERM", killMs],
      ["SIGKILL", killMs],
    ] as const) {
      if (signal === "SIGUSR1" && graceMs <= 0) continue;
      if (await this.#endsBy(signal, waitMs)) return;
    }
  }

  /** The signal is repeated: a master that has just reloaded may lose it. */
  async #endsBy(signal: NodeJS.Signals, waitMs: number): Promise<boolean> {
    for (let restMs = waitMs; restMs > 0; restMs -= againMs) {
      this.#signal(signal);
      if (await this.#endsWithin(Math.min(restMs, againMs))) return true;
    }
    return false;
  }

  /** Lets go of HAProxy, which goes on running. */
  close(): void {
    this.#stopping = true;
    if (this.#state.state === "waiting") this.#state.cancel();
    this.#state = { state: "stopped" };
    this.log[Symbol.dispose]();
    this.#lock[Symbol.dispose]();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop(0);
    this.close();
  }

  /** Ends those that cannot be adopted: they would share our ports. */
  async #adopt(): Promise<void> {
    const { configPath, clock, logger } = this.#options;
    const masters = await findMasters(this.masterSocket, configPath);
    const adopted = masters.findLast(({ sameConfig }) => sameConfig);
    for (const { pid } of masters.filter((master) => master !== adopted)) {
      logger.warn({ pid }, "haproxy of an earlier controller ends");
      signalProcess(pid, "SIGUSR1");
    }
    if (!adopted) return;
    logger.info({ pid: adopted.pid }, "haproxy of an earlier controller goes on");
    this.#state = { state: "running", pid: adopted.pid, sinceMs: clock.now() };
    this.#watch(adopted.pid, adopted.startTicks);
  }

  /** It is no child of ours, so nobody tells us of its end. */
  #watch(pid: number, startTicks: number): void {
    this.#options.clock.after(lookMs, async () => {
      if (this.pid !== pid) return;
      if ((await processStatus(pid))?.startTicks === startTicks) this.#watch(pid, startTicks);
      else if (this.pid === pid) this.#hasEnded("gone");
    });
  }

  #signal(signal: NodeJS.Signals): void {
    if (this.pid !== undefined) signalProcess(this.pid, signal);
  }

  async #endsWithin(ms: number): Promise<boolean> {
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const cancel = this.#options.clock.after(ms, () => resolve(false));
    const ended = await Promise.race([this.#ended.promise.then(() => true), promise]);
    cancel();
    return ended;
  }

  #hasEnded(reason: string): void {
    const { clock, logger } = this.#options;
    const sinceMs = this.#state.state === "running" ? this.#state.sinceMs : clock.now();
    this.#state = { state: "stopped" };
    this.#ended.resolve();
    if (this.#stopping) return;
    this.log.read();
    logger.error({ reason }, "haproxy ended; it is started again");
    this.#vainStarts = clock.now() - sinceMs < soonMs ? this.#vainStarts + 1 : 0;
    this.onCrash();
    const cancel = clock.after(restBeforeStart(this.#vainStarts), () => void this.#restart());
    this.#state = { state: "waiting", cancel };
  }

  async #restart(): Promise<void> {
    try {
      await this.beforeRestart(this.#vainStarts);
    } catch (err) {
      this.#options.logger.error({ err }, "the config in place stays");
    }
    if (this.#stopping) return;
    this.restarts++;
    this.start();
  }
}

export const masterSocketIn = (runDirectory: string): string => join(runDirectory, "master.sock");

/** A process that has ended meanwhile is no error. */
export function signalProcess(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if (!hasCode(error, "ESRCH")) throw error;
  }
}
