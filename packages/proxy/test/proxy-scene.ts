import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { runCommand } from "@skep/testkit";

const bin = fileURLToPath(new URL("../../../bin/skep-proxy", import.meta.url));
const caller = fileURLToPath(new URL("./caller.ts", import.meta.url));
const upstreams = fileURLToPath(new URL("./upstreams.ts", import.meta.url));

export interface ControlAnswer {
  readonly status: number;
  readonly type: string;
  readonly text: string;
  /** Undefined when it is no JSON. */
  // biome-ignore lint/suspicious/noExplicitAny: tests look into it
  readonly json: any;
}

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly text: string;
  /** Port of the upstream that answered. */
  readonly port: number | undefined;
  /** What the upstream was asked. */
  readonly asked:
    | { readonly url: string; readonly method: string; readonly headers: Record<string, string> }
    | undefined;
}

let scenes = 0;

/** `skep-proxy server` in a network namespace of its own, with its usual ports, and upstreams on ports 9001 to 9006 beside it. */
export class ProxyScene implements AsyncDisposable {
  readonly folder: string;
  readonly #name: string;
  readonly #env: Readonly<Record<string, string>>;
  #proxy: ChildProcess | undefined;
  #upstreams: ChildProcess | undefined;
  #caller: ChildProcess | undefined;
  #inFrontOf: readonly string[] = [];
  #calls = 0;
  readonly #waiting = new Map<string, (status: number) => void>();
  #said = "";

  /** `prepare` is called when the namespace is there and the proxy does not run yet. */
  static async start(
    env: Readonly<Record<string, string>> = {},
    prepare: (scene: ProxyScene) => Promise<void> = async () => {},
  ): Promise<ProxyScene> {
    const scene = new ProxyScene(await mkdtemp(join(tmpdir(), "skep-proxy-")), env);
    try {
      await must("ip", "netns", "add", scene.#name);
      await must("ip", "-n", scene.#name, "link", "set", "lo", "up");
      scene.#upstreams = scene.spawn([process.execPath, "--disable-warning=ExperimentalWarning", upstreams, ...ports]);
      if (scene.#upstreams.stdout) await once(scene.#upstreams.stdout, "data");
      await prepare(scene);
      await scene.startProxy();
      return scene;
    } catch (error) {
      await scene[Symbol.asyncDispose]();
      throw error;
    }
  }

  private constructor(folder: string, env: Readonly<Record<string, string>>) {
    this.folder = folder;
    this.#name = `skp${process.pid}-${++scenes}`;
    this.#env = env;
  }

  get pid(): number {
    return this.#proxy?.pid ?? 0;
  }

  file(name: string): string {
    return join(this.folder, name);
  }

  /** Of a skep-proxy that has the scene's folders. */
  get env(): Readonly<Record<string, string>> {
    return {
      PATH: process.env.PATH ?? "",
      CONFIGS_PATH: this.file("cfg"),
      CERTS_PATH: this.file("certs"),
      SECRETS_PATH: this.file("secrets"),
      RUN_PATH: this.file("run"),
      DF_DOCKER_HOST: `unix://${this.file("no.sock")}`,
      ...this.#env,
    };
  }

  /** The proxy started next asks this name server, not this machine's. */
  async useNameServer(address: string): Promise<void> {
    await writeFile(this.file("resolv.conf"), `nameserver ${address}\n`);
    const mounting = `mount --bind ${this.file("resolv.conf")} /etc/resolv.conf && exec "$@"`;
    this.#inFrontOf = ["unshare", "-m", "sh", "-c", mounting, "sh"];
  }

  /** Until the API answers. */
  async startProxy(): Promise<void> {
    this.#proxy = this.spawn([...this.#inFrontOf, bin, "server"], this.env);
    const deadline = Date.now() + 15_000;
    while ((await this.call("ping")).status !== 200) {
      if (this.#proxy.exitCode !== null || Date.now() > deadline)
        throw new Error(`the proxy does not start: ${this.#said}`);
      await sleep(50);
    }
  }

  /** What the controller and HAProxy have said. */
  get said(): string {
    return this.#said;
  }

  async stopProxy(signal: NodeJS.Signals = "SIGTERM"): Promise<void> {
    const proxy = this.#proxy;
    if (!proxy || proxy.exitCode !== null || proxy.signalCode !== null) return;
    const ended = once(proxy, "exit");
    proxy.kill(signal);
    await ended;
  }

  /** A call of the control API: `reconfigure?serviceName=...`. */
  async call(path: string, ...flags: readonly string[]): Promise<ControlAnswer> {
    const { status, headers, text } = await this.#curl(`http://127.0.0.1:8080/v1/docker-flow-proxy/${path}`, flags);
    return { status, type: headers["content-type"] ?? "", text, json: parse(text) };
  }

  /** Like `call`, without a process of its own: the status alone. */
  fetch(path: string): Promise<number> {
    this.#caller ??= this.#startCaller();
    const number = `${++this.#calls}`;
    const { promise, resolve } = Promise.withResolvers<number>();
    this.#waiting.set(number, resolve);
    this.#caller.stdin?.write(`${number} ${path}\n`);
    return promise;
  }

  #startCaller(): ChildProcess {
    const child = this.spawn([process.execPath, "--disable-warning=ExperimentalWarning", caller]);
    if (!child.stdout) throw new Error("no output");
    createInterface(child.stdout).on("line", (line) => {
      const [number = "", status] = line.split(" ");
      this.#waiting.get(number)?.(Number(status));
      this.#waiting.delete(number);
    });
    return child;
  }

  reconfigure(parameters: Readonly<Record<string, string>>): Promise<ControlAnswer> {
    return this.call(`reconfigure?${new URLSearchParams(parameters)}`);
  }

  /** A request through the proxy, with flags of curl. */
  async get(url: string, ...flags: readonly string[]): Promise<Answer> {
    const full = url.startsWith("/") ? `http://127.0.0.1${url}` : url;
    const answer = await this.#curl(full, flags);
    const asked = parse(answer.text);
    return { ...answer, asked, port: typeof asked?.port === "number" ? asked.port : undefined };
  }

  config(): Promise<string> {
    return readFile(this.file("cfg/haproxy.cfg"), "utf8");
  }

  run(...command: readonly string[]) {
    return runCommand(["nsenter", `--net=/run/netns/${this.#name}`, "--", ...command]);
  }

  /** HAProxy's master and workers. */
  async haproxyPids(): Promise<number[]> {
    const { stdout } = await runCommand(["ip", "netns", "pids", this.#name]);
    const pids = stdout.split("\n").filter(Boolean).map(Number);
    const names = await Promise.all(
      pids.map(async (pid) => [pid, await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "")] as const),
    );
    return names.filter(([, line]) => line.includes(this.file("run/master.sock"))).map(([pid]) => pid);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stopProxy();
    this.#upstreams?.kill("SIGKILL");
    // what a proxy that was killed has left running
    const { stdout } = await runCommand(["ip", "netns", "pids", this.#name]);
    for (const pid of stdout.split("\n").filter(Boolean)) end(Number(pid));
    await runCommand(["ip", "netns", "del", this.#name]);
    await rm(this.folder, { recursive: true, force: true });
  }

  /** A process in the namespace, ended with the scene. */
  spawn(command: readonly string[], env?: NodeJS.ProcessEnv): ChildProcess {
    const child = spawn("nsenter", [`--net=/run/netns/${this.#name}`, "--", ...command], { ...(env && { env }) });
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (data) => (this.#said += data));
    return child;
  }

  async #curl(url: string, flags: readonly string[]) {
    const { stdout } = await this.run("curl", "-s", "-i", "-m", "20", "-H", "Expect:", ...flags, url);
    const at = bodyStart(stdout);
    const [first = "", ...lines] = stdout.slice(0, Math.max(at, 0)).split("\r\n");
    const headers = Object.fromEntries(
      lines.map((line) => [line.slice(0, line.indexOf(":")).toLowerCase(), line.slice(line.indexOf(":") + 1).trim()]),
    );
    return {
      status: Number(/^HTTP\/\S+ (\d+)/.exec(first)?.[1] ?? 0),
      headers,
      text: at < 0 ? "" : stdout.slice(at + 4),
    };
  }
}

const ports = ["9001", "9002", "9003", "9004", "9005", "9006"];

/** Where the head ends: bodies may have empty lines too. */
const bodyStart = (text: string) => text.indexOf("\r\n\r\n");

function parse(text: string) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function end(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // gone already
  }
}

async function must(...command: readonly string[]): Promise<void> {
  const { code, stderr } = await runCommand(command);
  if (code !== 0) throw new Error(`${command.join(" ")}: ${stderr}`);
}
