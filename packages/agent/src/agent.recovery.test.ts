import type { Engine } from "@skep/engine";
import { EngineUnavailable } from "@skep/engine";
import { type NodeId, silentLogger, type Task, type TaskId, type TaskStatus } from "@skep/model";
import { FakeClock, FakeEngine, settle } from "@skep/testkit";
import fc from "fast-check";
import { expect, test } from "vitest";
import { Agent } from "./agent.ts";
import { assigned, webTask } from "./task/test-tasks.ts";

/** An agent's process: once killed it does nothing more, and gets no answer to what it has asked. */
class Process {
  readonly agent: Agent;
  readonly #end = new AbortController();
  #alive = true;

  constructor(engine: FakeEngine, clock: FakeClock, statuses: Map<TaskId, TaskStatus>) {
    this.agent = new Agent({
      engine: this.#connectionTo(engine),
      clock,
      logger: silentLogger,
      node: () => ({ id: "n1" as NodeId, hostname: "node-1", platform: { Architecture: "x86_64", OS: "linux" } }),
      report: (updates) => {
        if (this.#alive) for (const { taskId, status } of updates) statuses.set(taskId, status);
      },
      parallelStarts: 2,
    });
    void this.agent.run(this.#end.signal);
  }

  kill(): void {
    this.#alive = false;
    this.#end.abort();
  }

  /** Every call hangs once the process is dead: before its effect or after it, wherever it was. */
  #connectionTo(engine: FakeEngine): Engine {
    const never = new Promise<never>(() => {});
    return new Proxy(engine, {
      get: (target, name: keyof Engine) => {
        const member = Reflect.get(target, name);
        if (typeof member !== "function") return member;
        if (name === "events") return member.bind(target);
        return (...args: unknown[]) => {
          if (!this.#alive) return never;
          const answer = Reflect.apply(member, target, args);
          return answer instanceof Promise
            ? answer
                .finally(() => (this.#alive ? undefined : never))
                .catch((e) => (this.#alive ? Promise.reject(e) : never))
            : answer;
        };
      },
    });
  }
}

/** The manager's side: what it wants, and what it has been told. */
class Manager {
  readonly statuses = new Map<TaskId, TaskStatus>();
  readonly #tasks = new Map<TaskId, Task>();
  #revision = 0;

  want(task: Task): void {
    this.#tasks.set(task.id, task);
  }

  forget(id: TaskId): void {
    this.#tasks.delete(id);
  }

  /** A new stream: the full set, with the statuses that have arrived. */
  connect({ agent }: Process): void {
    const tasks = [...this.#tasks.values()].map((task) => ({
      ...task,
      status: this.statuses.get(task.id) ?? task.status,
    }));
    agent.replaceAll(
      ++this.#revision,
      tasks.map((task) => assigned(task)),
    );
  }
}

const keeps = webTask({ id: "keeps", slot: 1 });
const starts = webTask({ id: "starts", slot: 2 });
const holds = webTask({ id: "holds", slot: 3, desiredState: "ready" });
const stops = webTask({ id: "stops", slot: 4 });
const leaves = webTask({ id: "leaves", slot: 5 });

const engineOf = (clock: FakeClock) => {
  const engine = new FakeEngine({ clock });
  engine.registry.set("alpine:latest", "sha256:alpine:latest");
  return engine;
};

/** One task runs already, one starts, one is prepared, one is being stopped and one removed. */
async function busyNode() {
  const clock = new FakeClock();
  const engine = engineOf(clock);
  const manager = new Manager();
  for (const task of [keeps, stops, leaves]) manager.want(task);
  const before = new Process(engine, clock, manager.statuses);
  manager.connect(before);
  await settle();
  before.kill();
  manager.want(starts);
  manager.want(holds);
  manager.want({ ...stops, desiredState: "shutdown" });
  manager.forget(leaves.id);
  return { clock, engine, manager };
}

function expectGoal(engine: FakeEngine, manager: Manager): void {
  expect(engine.lines()).toEqual([
    "web.1.keeps running alpine:latest",
    "web.2.starts running alpine:latest",
    "web.3.holds created alpine:latest",
    "web.4.stops exited 0 alpine:latest",
  ]);
  const states = Object.fromEntries([...manager.statuses].map(([id, { state }]) => [id, state]));
  expect(states).toMatchObject({ keeps: "running", starts: "running", holds: "ready", stops: "shutdown" });
}

/** Lets a fresh process work to the end of what there is to do. */
async function recover(engine: FakeEngine, clock: FakeClock, manager: Manager) {
  const process = new Process(engine, clock, manager.statuses);
  manager.connect(process);
  for (let i = 0; i < 5; i++) await clock.advanceAsync(5_000);
  return process;
}

test("killed at any call of the engine, before or after its effect, a new process ends where the old one would have", async () => {
  for (const moment of ["before", "after"] as const) {
    for (let nth = 1; ; nth++) {
      const { clock, engine, manager } = await busyNode();
      const victim = new Process(engine, clock, manager.statuses);
      let calls = 0;
      engine[moment] = () => {
        if (++calls !== nth) return;
        victim.kill();
        return moment === "before" ? new Promise(() => {}) : undefined;
      };
      manager.connect(victim);
      await settle();
      const killed = calls >= nth;
      engine[moment] = () => {};
      victim.kill();
      const last = await recover(engine, clock, manager);
      expectGoal(engine, manager);
      last.kill();
      if (!killed) {
        expect(nth).toBeGreaterThan(10);
        break;
      }
      expect(nth).toBeLessThan(60);
    }
  }
});

test("killed again and again, with an engine that fails at random, nothing is restarted, doubled or left over", async () => {
  const fault = fc.record({ atCall: fc.integer({ min: 1, max: 25 }), moment: fc.constantFrom("before", "after") });
  const life = fc.record({ faults: fc.array(fault, { maxLength: 4 }), killedAfterMs: fc.nat(12_000) });
  await fc.assert(
    fc.asyncProperty(fc.array(life, { minLength: 1, maxLength: 4 }), async (lives) => {
      const { clock, engine, manager } = await busyNode();
      for (const { faults, killedAfterMs } of lives) {
        const calls = { before: 0, after: 0 };
        for (const moment of ["before", "after"] as const) {
          engine[moment] = () => {
            const nth = ++calls[moment];
            if (faults.some((each) => each.moment === moment && each.atCall === nth)) {
              throw new EngineUnavailable("the connection broke");
            }
          };
        }
        const process = new Process(engine, clock, manager.statuses);
        manager.connect(process);
        await clock.advanceAsync(killedAfterMs);
        process.kill();
      }
      engine.before = () => {};
      engine.after = () => {};
      const last = await recover(engine, clock, manager);
      expectGoal(engine, manager);
      last.kill();
    }),
    { numRuns: 100 },
  );
});

test("while no assignments have come, nothing is touched", async () => {
  const { clock, engine, manager } = await busyNode();
  const before = engine.lines();
  const process = new Process(engine, clock, manager.statuses);
  await clock.advanceAsync(600_000);
  expect(engine.lines()).toEqual(before);
  process.kill();
});

test("ends that happened while no agent ran are told when the assignments come", async () => {
  const { clock, engine, manager } = await busyNode();
  engine.exit("keeps", 9);
  const last = await recover(engine, clock, manager);
  expect(manager.statuses.get(keeps.id)).toMatchObject({ state: "failed", err: "task: non-zero exit (9)" });
  last.kill();
});

test("containers of other nodes, and containers that are no task's, are nobody's orphans", async () => {
  const clock = new FakeClock();
  const engine = engineOf(clock);
  const labels = (nodeId: string) => ({
    "com.docker.swarm.task": "",
    "com.docker.swarm.task.id": `of-${nodeId}`,
    "com.docker.swarm.node.id": nodeId,
  });
  await engine.createContainer("mine", { Image: "alpine:latest" });
  await engine.createContainer("theirs", { Image: "alpine:latest", Labels: labels("n2") });
  await engine.createContainer("orphan", { Image: "alpine:latest", Labels: labels("n1") });
  const last = await recover(engine, clock, new Manager());
  expect(engine.lines()).toEqual(["mine created alpine:latest", "theirs created alpine:latest"]);
  last.kill();
});

test("a foreign container that has the task's name is not taken over", async () => {
  const clock = new FakeClock();
  const engine = engineOf(clock);
  const manager = new Manager();
  await engine.createContainer("web.1.keeps", { Image: "alpine:latest" });
  manager.want(keeps);
  const last = await recover(engine, clock, manager);
  expect(manager.statuses.get(keeps.id)).toMatchObject({ state: "rejected", message: "preparing" });
  expect(manager.statuses.get(keeps.id)?.err).toMatch(
    /^Conflict. The container name "\/web.1.keeps" is already in use/,
  );
  expect(engine.lines()).toEqual(["web.1.keeps created alpine:latest"]);
  last.kill();
});
