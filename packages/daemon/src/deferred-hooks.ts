import { engineOnlyHooks, type TaskHooks } from "@skep/agent";
import type { ContainerSpec, Task } from "@skep/model";

/** Hooks that are there later, or never: until it is known, tasks wait. */
export class DeferredHooks implements TaskHooks {
  readonly #hooks: Promise<TaskHooks>;
  #known: TaskHooks | undefined;

  constructor(hooks: Promise<TaskHooks | undefined>) {
    this.#hooks = hooks.then((found) => {
      this.#known = found ?? engineOnlyHooks;
      return this.#known;
    });
  }

  async prepare(...call: Parameters<TaskHooks["prepare"]>) {
    return (await this.#hooks).prepare(...call);
  }

  async created(task: Task, spec: ContainerSpec, containerId: string): Promise<void> {
    await (await this.#hooks).created(task, spec, containerId);
  }

  ports(containerId: string) {
    return this.#known?.ports(containerId);
  }

  async withdraw(task: Task): Promise<void> {
    await (await this.#hooks).withdraw(task);
  }

  async release(task: Task): Promise<void> {
    await (await this.#hooks).release(task);
  }
}
