import { requestOver } from "@skep/machine";
import type { Cluster } from "@skep/testkit";
import { expect } from "vitest";
import { eventually } from "./cluster-helpers.ts";

/** A task as `GET /tasks` answers it, as far as the tests read it. */
export interface TaskView {
  readonly ID: string;
  readonly ServiceID: string;
  readonly Slot?: number;
  readonly NodeID?: string;
  readonly DesiredState: string;
  readonly CreatedAt: string;
  readonly Spec: { readonly ContainerSpec: { readonly Image: string; readonly Env?: readonly string[] } };
  readonly Status: {
    readonly State: string;
    readonly Timestamp: string;
    readonly Message?: string;
    readonly Err?: string;
    readonly ContainerStatus?: { readonly ContainerID: string; readonly ExitCode?: number };
  };
}

/** The container of a task, as the engine of its node knows it. */
export interface TaskContainer {
  readonly node: string;
  readonly id: string;
  readonly name: string;
  readonly taskId: string;
  readonly service: string;
  readonly state: string;
  readonly startedAt: string;
  readonly finishedAt: string;
}

interface EngineContainer {
  readonly Id: string;
  readonly Name: string;
  readonly State: { readonly Status: string; readonly StartedAt: string; readonly FinishedAt: string };
  readonly Config: { readonly Labels: Readonly<Record<string, string>> };
}

/** Flags that keep tests quick: no waiting for the CLI's verification, no registry, a short stop. */
export const quick = ["--detach", "--no-resolve-image", "--stop-grace-period", "1s"] as const;

/** Flags of `service create` under which an update looks at its tasks for a second instead of five. */
export const quickUpdates = ["--update-monitor", "1s", "--rollback-monitor", "1s"] as const;

/** Hears no stop signal but SIGKILL, as it is the first process of its container and has no handler. */
export const sleeper = ["alpine:latest", "sleep", "100000"] as const;

/** Ends at the stop signal, as well-behaved programs do; says when it starts. */
export const polite = [
  "alpine:latest",
  "sh",
  "-c",
  'trap "exit 0" TERM; echo started; while :; do sleep 0.1; done',
] as const;

/** Someone with the docker CLI at one manager, who may also look at the engines of all nodes. */
export class Operator {
  readonly cluster: Cluster;
  readonly manager: string;
  readonly cli: string | undefined;

  constructor(cluster: Cluster, manager = "node-1", cli?: string) {
    this.cluster = cluster;
    this.manager = manager;
    this.cli = cli;
  }

  /** Standard output of a command at the manager that must succeed. */
  docker(...args: readonly string[]): Promise<string> {
    return this.dockerOn(this.manager, ...args);
  }

  async dockerOn(node: string, ...args: readonly string[]): Promise<string> {
    const { code, stdout, stderr } = await this.attempt(node, ...args);
    if (code !== 0) throw new Error(`docker ${args.join(" ")} on ${node}: exit ${code}: ${stderr}${stdout}`);
    return stdout;
  }

  attempt(node: string, ...args: readonly string[]) {
    return this.cluster.dockerWith(this.cli === undefined ? {} : { cli: this.cli }, node, ...args);
  }

  /** What the CLI says of a command that must fail. */
  async refusal(...args: readonly string[]): Promise<string> {
    const { code, stdout, stderr } = await this.attempt(this.manager, ...args);
    if (code === 0) throw new Error(`docker ${args.join(" ")} succeeded: ${stdout}`);
    return stderr;
  }

  /**
   * Creates a service of `sleep` (or of `command`) with quick flags, and waits until all its replicas run. `sleep` is
   * stopped by the signal that it hears, not after the grace period.
   */
  async start(name: string, replicas: number, flags: readonly string[] = [], command: readonly string[] = sleeper) {
    const wanted = flags.includes("global") ? [] : ["--replicas", `${replicas}`];
    const always = [...quick, ...quickUpdates, ...(command === sleeper ? ["--stop-signal", "SIGKILL"] : [])];
    await this.docker("service", "create", ...always, "--name", name, ...wanted, ...flags, ...command);
    return this.untilRunning(name, replicas);
  }

  /** Removes all services, and waits until nothing is left of them on any node. */
  async clear(): Promise<void> {
    const services = (await this.docker("service", "ls", "-q")).split("\n").filter(Boolean);
    if (services.length > 0) await this.docker("service", "rm", ...services);
    await eventually(async () => {
      expect(await this.containers()).toEqual([]);
      expect(await this.tasks()).toEqual([]);
    }, 30_000);
  }

  async api<T>(path: string, node = this.manager): Promise<T> {
    const { status, body } = await requestOver(this.cluster.machine(node).paths.skepSocket, path);
    if (status !== 200) throw new Error(`GET ${path}: ${status} ${body}`);
    return JSON.parse(body) as T;
  }

  /** All tasks of a service the manager remembers, by slot and age. */
  async tasks(service?: string): Promise<TaskView[]> {
    const filters = encodeURIComponent(JSON.stringify(service === undefined ? {} : { service: [service] }));
    const tasks = await this.api<TaskView[]>(`/v1.41/tasks?filters=${filters}`);
    return tasks.toSorted((a, b) => (a.Slot ?? 0) - (b.Slot ?? 0) || a.CreatedAt.localeCompare(b.CreatedAt));
  }

  /** The tasks that shall run. */
  async wanted(service: string): Promise<TaskView[]> {
    return (await this.tasks(service)).filter(({ DesiredState }) => DesiredState === "running");
  }

  /** Waits until exactly `count` tasks shall run, and do. */
  untilRunning(service: string, count: number, withinMs = 30_000): Promise<TaskView[]> {
    return eventually(async () => {
      const tasks = await this.wanted(service);
      expect(tasks.map((task) => task.Status.State)).toEqual(Array.from({ length: count }, () => "running"));
      return tasks;
    }, withinMs);
  }

  /** Waits for the service's update to come to this state; resolves with its message. */
  untilUpdate(service: string, state: string, withinMs = 45_000): Promise<string> {
    return eventually(async () => {
      const inspected = await this.inspect(service);
      expect(inspected.UpdateStatus?.State).toBe(state);
      return inspected.UpdateStatus?.Message ?? "";
    }, withinMs);
  }

  // biome-ignore lint/suspicious/noExplicitAny: the tests read all parts of it
  inspect(service: string): Promise<any> {
    return this.api(`/v1.41/services/${service}`);
  }

  /** The containers of tasks on one node, or on all whose engine runs, ended ones included. */
  async containers(...nodes: readonly string[]): Promise<TaskContainer[]> {
    const on = nodes.length > 0 ? nodes : this.cluster.names.filter((node) => this.cluster.pid(node, "engine"));
    return (await Promise.all(on.map((node) => this.#containersOn(node)))).flat();
  }

  async running(service: string): Promise<TaskContainer[]> {
    return (await this.containers()).filter((one) => one.service === service && one.state === "running");
  }

  /** The first of a service's running containers, by name. */
  async firstOf(service: string): Promise<TaskContainer> {
    const [first] = (await this.running(service)).toSorted((a, b) => a.name.localeCompare(b.name));
    if (!first) throw new Error(`no container of ${service} runs`);
    return first;
  }

  async #containersOn(node: string): Promise<TaskContainer[]> {
    const socket = this.cluster.machine(node).paths.engineSocket;
    const filters = encodeURIComponent(JSON.stringify({ label: ["com.docker.swarm.task.id"] }));
    const listed = await requestOver(socket, `/v1.41/containers/json?all=1&filters=${filters}`);
    const ids = (JSON.parse(listed.body) as { readonly Id: string }[]).map(({ Id }) => Id);
    const answers = await Promise.all(ids.map((id) => requestOver(socket, `/v1.41/containers/${id}/json`)));
    return answers
      .filter(({ status }) => status === 200)
      .map(({ body }) => taskContainer(node, JSON.parse(body) as EngineContainer));
  }

  /** The name of a node by its id. */
  async nodeName(id: string | undefined): Promise<string> {
    const node = await this.api<{ Description: { Hostname: string } }>(`/v1.41/nodes/${id}`);
    return node.Description.Hostname;
  }

  /** On which nodes the tasks are that shall run and have a node, sorted. */
  async places(service: string): Promise<string[]> {
    const tasks = (await this.wanted(service)).filter(({ NodeID }) => NodeID);
    return (await Promise.all(tasks.map(({ NodeID }) => this.nodeName(NodeID)))).toSorted();
  }
}

function taskContainer(node: string, { Id, Name, State, Config }: EngineContainer): TaskContainer {
  return {
    node,
    id: Id,
    name: Name.replace(/^\//, ""),
    taskId: Config.Labels["com.docker.swarm.task.id"] ?? "",
    service: Config.Labels["com.docker.swarm.service.name"] ?? "",
    state: State.Status,
    startedAt: State.StartedAt,
    finishedAt: State.FinishedAt,
  };
}

/** Whether a real cluster can be made here; the reason to skip when not. */
export const clusterProblem = (): string | undefined =>
  process.getuid?.() === 0 ? undefined : "needs root, for network namespaces and dockerd";
