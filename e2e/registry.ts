import { type ChildProcess, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { initPid } from "@skep/machine";
import type { Cluster } from "@skep/testkit";
import { eventually } from "./cluster-helpers.ts";

/** One request made of a registry, as its access log has it. */
export interface RegistryRequest {
  /** The client's address. */
  readonly from: string;
  readonly method: string;
  readonly path: string;
  readonly status: number;
}

export interface RegistryOptions {
  /** The node whose network it is in, and with which it ends. */
  readonly node: string;
  readonly port: number;
  /** An htpasswd file with bcrypt hashes; without one everybody may push and pull. */
  readonly users?: string;
}

const program = "/usr/bin/docker-registry";

export const registryProblem = (): string | undefined =>
  existsSync(program) ? undefined : "needs the Debian package docker-registry";

/** A real registry at a node's address. Images outlive `stop`; it all goes with the cluster. */
export class Registry {
  /** What the names of its images begin with. */
  readonly host: string;
  readonly #requests: RegistryRequest[] = [];
  readonly #command: readonly string[];
  #process: ChildProcess | undefined;
  #ended: Promise<void> = Promise.resolve();

  private constructor(host: string, command: readonly string[]) {
    this.host = host;
    this.#command = command;
  }

  static async create(cluster: Cluster, { node, port, users }: RegistryOptions): Promise<Registry> {
    const machine = cluster.machine(node);
    const host = `${machine.address}:${port}`;
    const folder = join(machine.paths.home, `registry-${port}`);
    const config = join(folder, "config.yml");
    const htpasswd = join(folder, "htpasswd");
    await mkdir(folder);
    if (users !== undefined) await writeFile(htpasswd, users);
    const settings = {
      version: 0.1,
      log: { level: "error" },
      storage: { filesystem: { rootdirectory: join(folder, "images") } },
      http: { addr: host },
      ...(users !== undefined && { auth: { htpasswd: { realm: "bees", path: htpasswd } } }),
    };
    await writeFile(config, JSON.stringify(settings));
    const inNetwork = ["nsenter", "--target", `${initPid(machine)}`, "--net", "--"];
    const registry = new Registry(host, [...inNetwork, program, "serve", config]);
    await registry.start();
    return registry;
  }

  /** Resolves when it answers; does nothing when it runs. */
  async start(): Promise<void> {
    if (this.#process?.exitCode === null && this.#process.signalCode === null) return;
    const [file = "", ...args] = this.#command;
    const child = spawn(file, args, { stdio: ["ignore", "pipe", "pipe"] });
    let complaints = ""; // an answer of 404 is one, too
    child.stderr.on("data", (chunk: Buffer) => {
      complaints = `${complaints}${chunk}`.slice(-2_000);
    });
    this.#process = child;
    this.#ended = new Promise((resolve) => child.once("close", () => resolve()));
    createInterface(child.stdout).on("line", (line) => this.#note(line));
    await eventually(async () => {
      if (child.exitCode !== null) throw new Error(`${program} ended at once (${child.exitCode}): ${complaints}`);
      await fetch(`http://${this.host}/v2/`);
    });
  }

  /** From now on connections are refused. */
  async stop(): Promise<void> {
    this.#process?.kill("SIGKILL");
    await this.#ended;
  }

  /** From now on connections are accepted and never answered. */
  freeze(): void {
    this.#process?.kill("SIGSTOP");
  }

  thaw(): void {
    this.#process?.kill("SIGCONT");
  }

  /**
   * Addresses of the nodes that have fetched manifests of this repository, one entry for each time, sorted. A manager is
   * among them once for each time a CLI has asked it for a digest.
   */
  pulls(repository: string): string[] {
    const manifests = `/v2/${repository}/manifests/`;
    return this.#requests
      .filter(({ method, path, status }) => method === "GET" && path.startsWith(manifests) && status === 200)
      .map(({ from }) => from)
      .toSorted();
  }

  /** Apache's combined log format. */
  #note(line: string): void {
    const [, from = "", method = "", path = "", status] = /^(\S+) .*? "(\S+) (\S+) \S+" (\d+)/.exec(line) ?? [];
    if (status !== undefined) this.#requests.push({ from, method, path, status: Number(status) });
  }
}
