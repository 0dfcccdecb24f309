import {
  isTerminal,
  type Node,
  type NodeId,
  type Service,
  type Task,
  type TaskState,
  taskStates,
  timestamp,
} from "@skep/model";
import fc from "fast-check";
import { expect, test } from "vitest";
import { newTask } from "./new-task.ts";
import { describePlan, type Plan, stepsOf } from "./plan.ts";
import { planService, planSlots } from "./plan-service.ts";
import { isLive, slotKey } from "./slot.ts";
import { ago, node, now, second, service, type TaskOptions, task, template, view } from "./test-data.ts";

/** The tasks after a plan, without a store. */
function applied(
  of: Service | undefined,
  tasks: readonly Task[],
  plan: Plan,
): { of: Service | undefined; tasks: Task[] } {
  const after = plan.service?.service ?? of;
  const byId = new Map(tasks.map((each) => [each.id, each]));
  for (const step of stepsOf(plan)) {
    if (step.do === "create" && after) {
      const made = newTask(after, step, now);
      byId.set(made.id, made);
    }
    if (step.do === "delete") byId.delete(step.task.id);
    if (step.do === "start") byId.set(step.task.id, { ...step.task, desiredState: "running" });
    if (step.do === "shutdown") byId.set(step.task.id, { ...step.task, desiredState: "shutdown" });
    if (step.do === "remove") byId.set(step.task.id, { ...step.task, desiredState: "remove" });
    if (step.do === "orphan") {
      const status = { ...step.task.status, state: "orphaned", timestamp: timestamp(now) } as const;
      byId.set(step.task.id, { ...step.task, desiredState: "shutdown", status });
    }
  }
  return { of: after, tasks: [...byId.values()] };
}

const nodeIds = ["n1", "n2", "n3"];
const nodes: fc.Arbitrary<Node[]> = fc.tuple(
  ...nodeIds.map((id) =>
    fc
      .record({
        state: fc.constantFrom("ready" as const, "ready" as const, "down" as const, "unknown" as const),
        availability: fc.constantFrom("active" as const, "active" as const, "drain" as const, "pause" as const),
        downForMs: fc.constantFrom(0, 25 * 3_600_000),
      })
      .map((options) => node(id, options)),
  ),
);

const taskTemplate = fc
  .record({
    image: fc.constantFrom("alpine", "alpine:2"),
    RestartPolicy: fc.record({
      Condition: fc.constantFrom("any" as const, "any" as const, "on-failure" as const, "none" as const),
      MaxAttempts: fc.constantFrom(0, 0, 1, 2),
      Delay: fc.constantFrom(0, 5 * second),
    }),
  })
  .map(({ image, RestartPolicy }) => template({ ContainerSpec: { Image: image }, RestartPolicy }));

const config = fc.record({
  Parallelism: fc.nat(2),
  Delay: fc.constantFrom(0, 2 * second),
  Order: fc.constantFrom("stop-first" as const, "start-first" as const),
  FailureAction: fc.constantFrom("pause" as const, "continue" as const, "rollback" as const),
});

const taskOptions = fc.record({
  slot: fc.integer({ min: 1, max: 5 }),
  node: fc.constantFrom(...nodeIds, "gone"),
  state: fc.constantFrom<TaskState>(...taskStates.filter((state) => !["new", "allocated", "remove"].includes(state))),
  desired: fc.constantFrom<TaskState>("ready", "running", "running", "shutdown", "remove"),
  madeAgo: fc.constantFrom(0, 1_000, 6_000, 61_000, 100_000),
  specVersion: fc.constantFrom(1, 2, 3),
  cause: fc.constantFrom("replica" as const, "restart" as const, "update" as const),
});

interface Situation {
  readonly of: Service | undefined;
  readonly tasks: readonly Task[];
  readonly nodes: readonly Node[];
  readonly historyLimit: number;
}

/** A service that had three specs, and whatever tasks may be left of them. */
const situations = fc
  .record({
    global: fc.boolean(),
    removed: fc.constantFrom(false, false, false, true),
    replicas: fc.nat(4),
    templates: fc.tuple(taskTemplate, taskTemplate, taskTemplate),
    config,
    state: fc.constantFrom(undefined, "updating", "paused", "completed", "rollback_started", "rollback_paused"),
    tasks: fc.array(taskOptions, { maxLength: 8 }),
    nodes,
    historyLimit: fc.constantFrom(0, 1, 5),
  })
  .map(({ global, removed, replicas, templates, state, tasks, ...rest }) => {
    const mode = global ? { Mode: { Global: {} } } : {};
    const spec = { ...mode, UpdateConfig: rest.config, RollbackConfig: rest.config, TaskTemplate: templates[2] };
    const previousSpec = { ...service(replicas).spec, ...spec, TaskTemplate: templates[1] };
    const updateStatus = { state: state as "updating", startedAt: ago(60_000), message: "" };
    const of = service(replicas, { specVersion: 3, previousSpec, spec, ...(state && { updateStatus }) });
    const made = tasks.map((options) => ({
      ...options,
      slot: global ? 0 : options.slot,
      spec: templates[options.specVersion - 1] ?? templates[0],
      // Tasks of a global service are removed with it only.
      ...(global && options.desired === "remove" && { desired: "shutdown" as const }),
      // A node stops only what it is told to stop.
      ...(["shutdown", "orphaned"].includes(options.state) && unwanted(global ? "shutdown" : options.desired)),
    }));
    return {
      of: removed ? undefined : of,
      tasks: newestFirst(made),
      nodes: rest.nodes,
      historyLimit: rest.historyLimit,
    };
  });

const unwanted = (desired: TaskState) => ({ desired: desired === "remove" ? desired : "shutdown" }) as const;

const wanted = ({ desired }: TaskOptions) => desired === "ready" || desired === "running";

/** Tasks of newer versions are newer, and no two are made in the same millisecond. */
function newestFirst(tasks: readonly TaskOptions[]): Task[] {
  const ages = tasks.map(({ madeAgo = 0 }, i) => madeAgo + i + 1).sort((a, b) => a - b);
  const byVersion = tasks.toSorted((a, b) => (b.specVersion ?? 0) - (a.specVersion ?? 0));
  return byVersion.map((options, i) =>
    task({ id: `t${i}`, ...options, madeAgo: ages[i] ?? 0, stateAgo: wanted(options) ? 0 : 500 }),
  );
}

/** Plans and applies until there is nothing left to do; `rounds` is how often that was. */
function settled(situation: Situation): { of: Service | undefined; tasks: readonly Task[]; rounds: number } {
  let { of, tasks } = situation;
  for (let rounds = 0; ; rounds++) {
    const plan = planService(view(of, tasks, situation), now);
    if (stepsOf(plan).length === 0 || rounds > 9) return { of, tasks, rounds };
    ({ of, tasks } = applied(of, tasks, plan));
  }
}

test("whatever the tasks are, planning and applying comes to an end within three rounds", () => {
  fc.assert(
    fc.property(situations, (situation) => {
      expect(settled(situation).rounds).toBeLessThanOrEqual(3);
    }),
    { numRuns: 1_500 },
  );
});

test("no plan leaves more slots to run than replicas, nor three tasks to a slot", () => {
  fc.assert(
    fc.property(situations, (situation) => {
      const { of, tasks } = situation;
      const plan = planService(view(of, situation.tasks, situation), now);
      const live = applied(of, situation.tasks, plan).tasks.filter(isLive);
      const slots = Map.groupBy(live, slotKey);
      if (!of) expect(live).toEqual([]);
      if (of?.spec.Mode?.Replicated) expect(slots.size).toBeLessThanOrEqual(of.spec.Mode.Replicated.Replicas ?? 1);
      const before = Map.groupBy(situation.tasks.filter(isLive), slotKey);
      for (const [key, inSlot] of slots)
        expect(inSlot.length).toBeLessThanOrEqual(Math.max(2, before.get(key)?.length ?? 0));
      expect(tasks.length).toBeLessThan(100);
    }),
    { numRuns: 300 },
  );
});

test("when one task changes, planning its slot says the same as planning the service", () => {
  const ends = fc.constantFrom<TaskState>("running", "complete", "failed", "rejected");
  fc.assert(
    fc.property(situations, fc.nat(), ends, (situation, pick, state) => {
      const { of, tasks } = settled(situation);
      const changing = tasks.filter(({ status }) => !isTerminal(status.state));
      const changed = changing[pick % changing.length];
      if (!changed) return;
      const status = { ...changed.status, state, timestamp: timestamp(now) };
      const then = tasks.map((each) =>
        each === changed ? { ...each, nodeId: each.nodeId ?? ("n1" as NodeId), status } : each,
      );
      const inSlot = then.filter((each) => slotKey(each) === slotKey(changed));
      const alone = planSlots(view(of, inSlot, situation), [slotKey(changed)], now);
      if (alone) expect(describePlan(alone)).toEqual(describePlan(planService(view(of, then, situation), now)));
    }),
    { numRuns: 300 },
  );
});

test("the order of tasks and nodes makes no difference", () => {
  fc.assert(
    fc.property(situations, (situation) => {
      const tasks = situation.tasks.map((each, version) => ({ ...each, version }));
      const lines = (of: readonly Task[]) => describePlan(planService(view(situation.of, of, situation), now)).sort();
      expect(lines(tasks.toReversed())).toEqual(lines(tasks));
    }),
    { numRuns: 300 },
  );
});
