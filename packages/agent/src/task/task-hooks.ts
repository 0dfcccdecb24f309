import { type ContainerSpec, DomainError, type PortConfig, type Task } from "@skep/model";
import type { EngineFields } from "./engine-fields.ts";
import { swarmNetworks } from "./host-config.ts";

/**
 * Where the node's other parts take part in a task's life: networks, secrets, configs and balancers. Each call may be
 * made again for the same task, also by a later process, and must then do no more than once.
 */
export interface TaskHooks {
  /**
   * Before the container is created: makes what it needs and answers its final configuration (runtime, network mode,
   * mounts). A DomainError rejects the task with its message.
   */
  prepare(task: Task, spec: ContainerSpec, config: EngineFields): Promise<EngineFields>;
  /** The container is there, and has not been started by this process yet. */
  created(task: Task, spec: ContainerSpec, containerId: string): Promise<void>;
  /** Ports the container publishes past the engine; undefined: the engine knows them. */
  ports(containerId: string): readonly PortConfig[] | undefined;
  /** Before the stop signal: resolves when no balancer picks the container any more. */
  withdraw(task: Task): Promise<void>;
  /** Nothing is left of the task on this node: gives back what `prepare` made. */
  release(task: Task): Promise<void>;
}

/** A node with the engine's own networks only. */
export const engineOnlyHooks: TaskHooks = {
  async prepare(task, spec, config) {
    const [network] = swarmNetworks(task.spec);
    if (network !== undefined) throw missing(`attaching containers to network ${network}`);
    if (spec.Secrets?.length) throw missing("giving secrets to containers");
    if (spec.Configs?.length) throw missing("giving configs to containers");
    return config;
  },
  async created() {},
  ports: () => undefined,
  async withdraw() {},
  async release() {},
};

const missing = (what: string) => new DomainError("not-implemented", `this node does not support ${what} yet`);
