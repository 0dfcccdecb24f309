import { compareTaskStates, isAttachment, type Node, type ServiceId, type Task } from "@skep/model";

/** A node and what its tasks take of it. */
export interface NodeSummary {
  readonly node: Node;
  readonly load: NodeLoad;
}

const failureMemoryMs = 5 * 60_000;
/** More failures than this within the memory say nothing new. */
const failuresKept = 100;

/** True while the task takes room on its node: from its assignment until its container has ended. Attached containers are nobody's to place. */
export const occupiesNode = (task: Task): boolean =>
  !isAttachment(task) &&
  task.nodeId !== undefined &&
  compareTaskStates(task.status.state, "assigned") >= 0 &&
  compareTaskStates(task.status.state, "running") <= 0;

/** True for a task that takes room and is meant to go on doing so; only these count when tasks are spread. */
export const isActive = (task: Task): boolean =>
  occupiesNode(task) && compareTaskStates(task.desiredState, "complete") <= 0;

/** The host-mode ports that a task asks for by number, as `tcp/8080`. */
export function hostPorts(task: Task): string[] {
  const ports = task.endpointSpec?.Ports ?? [];
  return ports
    .filter((port) => port.PublishMode === "host" && port.PublishedPort)
    .map((port) => `${port.Protocol ?? "tcp"}/${port.PublishedPort}`);
}

/** What the tasks on one node take of it, and which services have failed there lately. */
export class NodeLoad {
  private nanoCpus = 0;
  private memory = 0;
  private active = 0;
  private readonly activeByService = new Map<ServiceId, number>();
  private readonly tasksByPort = new Map<string, number>();
  /** When tasks of a service's spec failed here (milliseconds), newest last. */
  private readonly failures = new Map<string, number[]>();

  get reservedNanoCpus(): number {
    return this.nanoCpus;
  }

  get reservedMemoryBytes(): number {
    return this.memory;
  }

  get activeTasks(): number {
    return this.active;
  }

  activeTasksOf(service: ServiceId): number {
    return this.activeByService.get(service) ?? 0;
  }

  hasPort(port: string): boolean {
    return this.tasksByPort.has(port);
  }

  /** How many tasks made from this version of the service have failed here within five minutes before `nowMs`. */
  recentFailures(task: Task, nowMs: number): number {
    const times = this.failures.size > 0 ? this.failures.get(failureKey(task)) : undefined;
    return times ? times.filter((time) => time > nowMs - failureMemoryMs).length : 0;
  }

  /** `task` must occupy this node. */
  add(task: Task): void {
    this.count(task, 1);
  }

  /** `task` must be as it was when added. */
  remove(task: Task): void {
    this.count(task, -1);
  }

  noteFailure(task: Task, atMs: number): void {
    for (const [key, times] of this.failures) {
      if ((times.at(-1) ?? 0) <= atMs - failureMemoryMs) this.failures.delete(key);
    }
    const key = failureKey(task);
    this.failures.set(key, [...(this.failures.get(key) ?? []), atMs].slice(-failuresKept));
  }

  private count(task: Task, sign: 1 | -1): void {
    const reserved = task.spec.Resources?.Reservations;
    this.nanoCpus += sign * (reserved?.NanoCPUs ?? 0);
    this.memory += sign * (reserved?.MemoryBytes ?? 0);
    for (const port of hostPorts(task)) bump(this.tasksByPort, port, sign);
    if (!isActive(task)) return;
    this.active += sign;
    bump(this.activeByService, task.serviceId, sign);
  }
}

const failureKey = (task: Task) => `${task.serviceId}/${task.specVersion}`;

function bump<K>(counts: Map<K, number>, key: K, by: number): void {
  const count = (counts.get(key) ?? 0) + by;
  if (count === 0) counts.delete(key);
  else counts.set(key, count);
}
