import { existsSync, readdirSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import {
  createMachines,
  type DaemonName,
  daemonPid,
  enterCommand,
  findLeftovers,
  initPid,
  killDaemon,
  killMachine,
  listMachines,
  loadImage,
  type Machine,
  removeMachine,
  requestOver,
  setLink,
  startDaemon,
  startMachine,
  stopMachine,
  systemHost,
} from "@skep/machine";
import { type CommandResult, type RunCommandOptions, runCommand } from "./run-command.ts";
import { buildTestImage, type ImageRecipe } from "./test-image.ts";

export interface ClusterOptions {
  /** How many, named node-1 and so on; 3 by default. */
  readonly nodes?: number;
  /** The docker CLI to drive it with; `docker` by default. */
  readonly cli?: string;
  /** The command that starts skepd; this repository's by default, `false` for engines alone. */
  readonly skepd?: string | false;
  readonly engineOptions?: readonly string[];
  /** Nameservers of the nodes; by default an address that refuses every query at once. */
  readonly nameservers?: readonly string[];
}

const folderPrefix = "skep-test-";

/**
 * Nodes for one test run, in a folder and a subnet of their own; use it with `await using`. Every one has an engine and
 * a skepd; they are not a swarm until `formSwarm` or the test itself makes them one.
 */
export class Cluster implements AsyncDisposable {
  readonly machines: readonly Machine[];
  readonly names: readonly string[];
  readonly #folder: string;
  readonly #cli: string;
  readonly #host = systemHost(process.env);

  private constructor(folder: string, machines: readonly Machine[], cli: string) {
    this.#folder = folder;
    this.machines = machines;
    this.names = machines.map(({ name }) => name);
    this.#cli = cli;
  }

  static async create(options: ClusterOptions = {}): Promise<Cluster> {
    await removeStaleClusters();
    const folder = await mkdtemp(join(tmpdir(), `${folderPrefix}${process.pid}-`));
    const names = Array.from({ length: options.nodes ?? 3 }, (_, i) => `node-${i + 1}`);
    const root = join(folder, "m");
    try {
      const machines = await createMachines(names, {
        ...{ root, host: systemHost(process.env), subnet: "free", nameservers: options.nameservers ?? "none" },
        ...(options.engineOptions !== undefined && { engineOptions: options.engineOptions }),
        ...(options.skepd !== undefined && { skepd: options.skepd }),
      });
      return new Cluster(folder, machines, options.cli ?? "docker");
    } catch (error) {
      await removeFolder(folder);
      throw error;
    }
  }

  machine(node: string): Machine {
    const machine = this.machines.find(({ name }) => name === node);
    if (machine === undefined) throw new Error(`no node ${node}; there are ${this.names.join(", ")}`);
    return machine;
  }

  /** The docker CLI against a node's skepd. */
  docker(node: string, ...args: readonly string[]): Promise<CommandResult> {
    return this.dockerWith({}, node, ...args);
  }

  /** The docker CLI against a node's skepd, with another binary, more time, or standard input. */
  dockerWith(options: RunCommandOptions & { readonly cli?: string }, node: string, ...args: readonly string[]) {
    return this.#runCli(this.machine(node).paths.skepSocket, options, args);
  }

  /** The docker CLI against a node's engine, past skepd. */
  engine(node: string, ...args: readonly string[]): Promise<CommandResult> {
    return this.#runCli(this.machine(node).paths.engineSocket, {}, args);
  }

  #runCli(socket: string, options: RunCommandOptions & { readonly cli?: string }, args: readonly string[]) {
    const own = { DOCKER_HOST: `unix://${socket}`, DOCKER_CONFIG: join(this.#folder, "docker-config") };
    return runCommand([options.cli ?? this.#cli, ...args], {
      ...options,
      env: { ...process.env, ...own, ...options.env },
    });
  }

  /** A command inside a node. */
  exec(node: string, ...command: readonly string[]): Promise<CommandResult> {
    const init = initPid(this.machine(node));
    if (init === undefined) throw new Error(`${node} is stopped`);
    return runCommand(enterCommand(init, command));
  }

  /** A command in the network of a running container, with this machine's programs; `container` is a name or an id. */
  async execBeside(node: string, container: string, ...command: readonly string[]): Promise<CommandResult> {
    const { stdout, stderr } = await this.engine(node, "inspect", "--format", "{{.State.Pid}}", container);
    const pid = Number(stdout);
    if (!(pid > 0)) throw new Error(`container ${container} does not run on ${node}: ${stderr}${stdout}`);
    return this.exec(node, "nsenter", "--target", `${pid}`, "--net", "--", ...command);
  }

  /** Makes one swarm of all nodes, node-1 its manager; throws with the CLI's words when it cannot. */
  async formSwarm(): Promise<void> {
    const [manager, ...workers] = this.machines;
    if (manager === undefined) return;
    await this.#must(manager.name, "swarm", "init", "--advertise-addr", manager.address);
    const token = (await this.#must(manager.name, "swarm", "join-token", "--quiet", "worker")).trim();
    await Promise.all(
      workers.map(({ name, address }) =>
        this.#must(name, "swarm", "join", "--token", token, "--advertise-addr", address, `${manager.address}:2377`),
      ),
    );
  }

  async #must(node: string, ...args: readonly string[]): Promise<string> {
    const { stdout, stderr, code } = await this.docker(node, ...args);
    if (code !== 0) throw new Error(`docker ${args.join(" ")} on ${node}: ${stderr}\n${await this.logs(node)}`);
    return stdout;
  }

  /** Puts a small image under this name into every engine, the same one everywhere. */
  async importTestImage(name = "alpine:latest", recipe: ImageRecipe = "busybox"): Promise<void> {
    const [first, ...others] = this.machines;
    if (first === undefined) return;
    const [repo = name, tag = "latest"] = name.split(":");
    const { archive, changes } = await buildTestImage(recipe);
    const query = new URLSearchParams({ fromSrc: "-", repo, tag });
    for (const change of changes) query.append("changes", change);
    const { status, body } = await requestOver(first.paths.engineSocket, `/images/create?${query}`, {
      method: "POST",
      headers: { "content-type": "application/x-tar" },
      body: Readable.from([archive]),
    });
    if (status !== 200 || body.includes('"error"')) throw new Error(`import of ${name}: ${status} ${body}`);
    if (others.length === 0) return;
    const to = others.map(({ name, paths }) => ({ name, socket: paths.engineSocket }));
    await loadImage({ image: name, from: first.paths.engineSocket, to });
  }

  /** The daemon's process as this machine numbers it; undefined when it does not run. */
  pid(node: string, daemon: DaemonName = "skepd"): number | undefined {
    return daemonPid(this.machine(node), daemon);
  }

  /** SIGKILL to a node's skepd, its containers left running. */
  async killSkepd(node: string): Promise<void> {
    await killDaemon(this.machine(node), "skepd");
  }

  /** SIGKILL to a node's dockerd; `start` brings it back, and with it the end of the containers it had. */
  async killEngine(node: string): Promise<void> {
    await killDaemon(this.machine(node), "engine");
  }

  async startSkepd(node: string): Promise<void> {
    await startDaemon(this.#host, this.machine(node), "skepd");
  }

  /** Pulls the plug of a whole node. */
  async kill(node: string): Promise<void> {
    await killMachine(this.machine(node));
  }

  async stop(node: string): Promise<void> {
    await stopMachine(this.machine(node));
  }

  /** Starts what a node lacks: all of it, or only a daemon. */
  async start(node: string): Promise<void> {
    const machine = this.machine(node);
    await startMachine(machine, { root: machine.root, host: this.#host });
  }

  /** From now on every packet from and to the node is lost. */
  async cutLink(node: string): Promise<void> {
    await setLink(this.#host, this.machine(node), "down");
  }

  async restoreLink(node: string): Promise<void> {
    await setLink(this.#host, this.machine(node), "up");
  }

  /** What skepd of a node has logged. */
  async logs(node: string): Promise<string> {
    return readFile(this.machine(node).paths.log, "utf8").catch(() => "");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await removeFolder(this.#folder);
  }

  /** What of this cluster is still on the machine, one line each; nothing after it is disposed of. */
  async leftovers(): Promise<string[]> {
    const [machine] = this.machines;
    const found = machine === undefined ? [] : await findLeftovers(this.#host, machine.root, this.names);
    return existsSync(this.#folder) ? [...found, `folder ${this.#folder}`] : found;
  }
}

async function removeFolder(folder: string): Promise<void> {
  const root = join(folder, "m");
  const host = systemHost(process.env);
  const reports = await listMachines(root);
  await Promise.all(reports.map(({ name }) => removeMachine(root, name, { host, force: true })));
  await rm(folder, { recursive: true, force: true });
}

/** Removes the clusters of test processes that were killed before they could do so themselves. */
async function removeStaleClusters(): Promise<void> {
  for (const name of readdirSync(tmpdir()).filter((entry) => entry.startsWith(folderPrefix))) {
    const owner = /^\d+/.exec(name.slice(folderPrefix.length))?.[0];
    if (owner !== undefined && !existsSync(`/proc/${owner}`)) await removeFolder(join(tmpdir(), name));
  }
}
