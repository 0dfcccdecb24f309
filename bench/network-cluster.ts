import { enterCommand, initPid, requestOver } from "@skep/machine";
import { Cluster, type CommandResult, runCommand } from "@skep/testkit";
import type { Run } from "./network-load.ts";

/** A container of a task. */
export interface Place {
  readonly node: string;
  readonly container: string;
  readonly address: string;
}

/** Two nodes in a swarm that have the image `web:local`, and what a benchmark asks of them. */
export class BenchCluster implements AsyncDisposable {
  readonly cluster: Cluster;
  readonly #socket: string;

  private constructor(cluster: Cluster) {
    this.cluster = cluster;
    this.#socket = cluster.machine("node-1").paths.skepSocket;
  }

  static async create(): Promise<BenchCluster> {
    const cluster = await Cluster.create({ nodes: 2 });
    try {
      await cluster.importTestImage("web:local", "web");
      await cluster.formSwarm();
      return new BenchCluster(cluster);
    } catch (error) {
      await cluster[Symbol.asyncDispose]();
      throw error;
    }
  }

  address(node: string): string {
    return this.cluster.machine(node).address;
  }

  async docker(...args: readonly string[]): Promise<string> {
    return must(args, await this.cluster.docker("node-1", ...args));
  }

  async engine(node: string, ...args: readonly string[]): Promise<string> {
    return must(args, await this.cluster.engine(node, ...args));
  }

  async call<T>(method: string, path: string, body?: unknown): Promise<T> {
    const headers = { "content-type": "application/json" };
    const payload = body === undefined ? {} : { body: JSON.stringify(body) };
    const answer = await requestOver(this.#socket, `/v1.41${path}`, { method, headers, ...payload });
    if (answer.status >= 400) throw new Error(`${method} ${path}: ${answer.status} ${answer.body}`);
    return (answer.body.trim() === "" ? undefined : JSON.parse(answer.body)) as T;
  }

  /** Polls until so many tasks run. */
  async untilRunning(service: string, count: number): Promise<void> {
    const filters = encodeURIComponent(JSON.stringify({ service: [service], "desired-state": ["running"] }));
    for (;;) {
      const tasks = await this.call<readonly TaskAnswer[]>("GET", `/tasks?filters=${filters}`);
      if (tasks.filter(({ Status }) => Status.State === "running").length >= count) return;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }

  /** A service of one task on `node`, its container, and its address on the service's first overlay. */
  async place(name: string, node: string, flags: readonly string[], command: readonly string[]): Promise<Place> {
    const there = [
      "--constraint",
      `node.hostname==${node}`,
      "--detach",
      "--no-resolve-image",
      "--stop-grace-period=1s",
    ];
    await this.docker("service", "create", "--name", name, ...there, ...flags, "web:local", ...command);
    await this.untilRunning(name, 1);
    const filters = encodeURIComponent(JSON.stringify({ service: [name], "desired-state": ["running"] }));
    const [task] = await this.call<readonly TaskAnswer[]>("GET", `/tasks?filters=${filters}`);
    const overlay = task?.NetworksAttachments?.find(({ Network }) => Network.Spec.Name !== "ingress");
    return {
      node,
      container: task?.Status.ContainerStatus?.ContainerID ?? "",
      address: (overlay?.Addresses[0] ?? "").replace(/\/.*/, ""),
    };
  }

  /** The service's virtual address on its first overlay. */
  async vip(service: string, network: string): Promise<string> {
    const [{ Id }, { Endpoint }] = await Promise.all([
      this.call<{ Id: string }>("GET", `/networks/${network}`),
      this.call<ServiceAnswer>("GET", `/services/${service}`),
    ]);
    const found = Endpoint.VirtualIPs?.find(({ NetworkID }) => NetworkID === Id)?.Addr ?? "";
    return found.replace(/\/.*/, "");
  }

  /** This machine's programs, in the network of a container. */
  async inside({ node, container }: Place): Promise<Run> {
    const pid = Number(await this.engine(node, "inspect", "--format", "{{.State.Pid}}", container));
    const init = initPid(this.cluster.machine(node));
    if (!(pid > 0) || init === undefined) throw new Error(`container ${container} does not run on ${node}`);
    const enter = enterCommand(init, ["nsenter", "--target", `${pid}`, "--net", "--"]);
    return (command) => runCommand([...enter, ...command]);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.cluster[Symbol.asyncDispose]();
  }
}

interface TaskAnswer {
  readonly Status: { readonly State: string; readonly ContainerStatus?: { readonly ContainerID: string } };
  readonly NetworksAttachments?: readonly {
    readonly Network: { readonly Spec: { readonly Name: string } };
    readonly Addresses: readonly string[];
  }[];
}

interface ServiceAnswer {
  readonly Endpoint: { readonly VirtualIPs?: readonly { readonly NetworkID: string; readonly Addr: string }[] };
}

function must(args: readonly string[], { code, stdout, stderr }: CommandResult): string {
  if (code !== 0) throw new Error(`docker ${args.join(" ")}: exit ${code}: ${stderr}${stdout}`);
  return stdout;
}
