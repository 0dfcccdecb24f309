import { type Host, listMachines, type Machine, type MachineReport, requestOver, systemHost } from "@skep/machine";
import type { CommandLog } from "./command-log.ts";
import { commandEnvironment, nodeNames, type Places } from "./places.ts";
import { runShell, type ShellResult } from "./shell/run-shell.ts";

export interface ServiceView {
  readonly image: string;
  readonly replicas: number | undefined;
  readonly running: number;
  readonly desired: number;
  readonly isUpdating: boolean;
}

interface ServiceAnswer {
  readonly Spec: {
    readonly Name: string;
    readonly TaskTemplate: { readonly ContainerSpec: { readonly Image: string } };
    readonly Mode: { readonly Replicated?: { readonly Replicas?: number } };
  };
  readonly ServiceStatus?: { readonly RunningTasks: number; readonly DesiredTasks: number };
  readonly UpdateStatus?: { readonly State?: string };
}

export interface WorldOptions {
  readonly places: Places;
  readonly environment: NodeJS.ProcessEnv;
  readonly log: CommandLog;
  readonly signal: AbortSignal;
}

/** What is there: the nodes and, by asking the first of them, their swarm. */
export class World {
  readonly places: Places;
  readonly signal: AbortSignal;
  readonly host: Host;
  readonly #environment: NodeJS.ProcessEnv;
  readonly #log: CommandLog;
  #reports: readonly MachineReport[] = [];

  constructor({ places, environment, log, signal }: WorldOptions) {
    this.places = places;
    this.signal = signal;
    this.host = systemHost(environment);
    this.#environment = environment;
    this.#log = log;
  }

  /** The nodes as they are now. */
  async look(): Promise<readonly MachineReport[]> {
    const reports = await listMachines(this.places.root);
    this.#reports = reports.filter(({ name }) => (nodeNames as readonly string[]).includes(name));
    return this.#reports;
  }

  machine(name: string): Machine {
    const machine = this.#reports.find((report) => report.name === name)?.machine;
    if (machine === undefined) throw new Error(`${name} is not there yet`);
    return machine;
  }

  address(name: string): string {
    return this.machine(name).address;
  }

  /** Runs a command of the story, the docker CLI pointed at node-1. */
  async shell(command: string): Promise<ShellResult> {
    const socket = this.#reports.find(({ name }) => name === nodeNames[0])?.machine?.paths.skepSocket;
    const env = commandEnvironment(this.#environment, this.places, socket && `unix://${socket}`);
    this.#log.note(`$ ${command}`);
    const { repository: cwd } = this.places;
    const result = await runShell(command, {
      ...{ cwd, env, signal: this.signal },
      onOutput: (text) => this.#log.write(text),
    });
    if (result.code !== 0) this.#log.note(`exit ${result.code}`);
    return result;
  }

  /** What node-1 answers; undefined for 404. */
  async ask<T>(path: string): Promise<T | undefined> {
    const { status, body } = await requestOver(this.machine(nodeNames[0]).paths.skepSocket, path, {
      signal: this.signal,
    });
    if (status === 404) return undefined;
    if (status !== 200) throw new Error(`GET ${path}: ${status} ${body}`);
    return JSON.parse(body) as T;
  }

  async service(name: string): Promise<ServiceView | undefined> {
    const filters = encodeURIComponent(JSON.stringify({ name: [name] }));
    const services = await this.ask<ServiceAnswer[]>(`/v1.41/services?status=true&filters=${filters}`);
    const service = services?.find(({ Spec }) => Spec.Name === name);
    if (service === undefined) return undefined;
    return {
      image: service.Spec.TaskTemplate.ContainerSpec.Image,
      replicas: service.Spec.Mode.Replicated?.Replicas,
      running: service.ServiceStatus?.RunningTasks ?? 0,
      desired: service.ServiceStatus?.DesiredTasks ?? 0,
      isUpdating: /^(updating|rollback_started)$/.test(service.UpdateStatus?.State ?? ""),
    };
  }

  /** The node on which a task of the service runs; the first in order when several do. */
  async nodeWith(service: string): Promise<string> {
    const filters = encodeURIComponent(JSON.stringify({ service: [service], "desired-state": ["running"] }));
    const tasks = await this.ask<{ NodeID?: string; Status: { State: string } }[]>(`/v1.41/tasks?filters=${filters}`);
    const nodes = await this.ask<{ ID: string; Description: { Hostname: string } }[]>("/v1.41/nodes");
    const ids = new Set(tasks?.filter(({ Status }) => Status.State === "running").map(({ NodeID }) => NodeID));
    const names = (nodes ?? []).filter(({ ID }) => ids.has(ID)).map(({ Description }) => Description.Hostname);
    const [first] = names.sort();
    if (first === undefined) throw new Error(`no task of ${service} runs: see docker service ps ${service}`);
    return first;
  }
}
