import { isTerminal, taskStates } from "@skep/model";
import fc from "fast-check";
import { expect, test } from "vitest";
import { type ContainerState, createdContainer } from "./container-state.ts";
import { describeStep, planTask, type TaskView } from "./plan-task.ts";
import { nextStatus } from "./task-status.ts";

const created = createdContainer("c1");
const running: ContainerState = { ...created, phase: "running", pid: 7, startedAt: "2026-01-01T00:00:00Z" };
const ended = (exitCode: number): ContainerState => ({ ...running, phase: "ended", pid: 0, exitCode });

type Changes = Partial<Omit<TaskView, "status">> & { state?: TaskView["status"]["state"]; message?: string };

const view = ({ state = "assigned", message = "started", ...changes }: Changes = {}): TaskView => ({
  desired: "running",
  assigned: true,
  status: { state, message, timestamp: "" },
  container: undefined,
  healthcheck: false,
  invalid: undefined,
  pulled: false,
  ...changes,
});

const step = (changes: Changes) => describeStep(planTask(view(changes)));

test("a new task is accepted, prepared and started", () => {
  expect(step({ state: "assigned" })).toBe("report accepted (accepted)");
  expect(step({ state: "accepted" })).toBe("report preparing (preparing)");
  expect(step({ state: "preparing" })).toBe("pull");
  expect(step({ state: "preparing", pulled: true })).toBe("create");
  expect(step({ state: "preparing", pulled: true, container: created })).toBe("report ready (prepared)");
  expect(step({ state: "ready", container: created })).toBe("report starting (starting)");
  expect(step({ state: "starting", container: created })).toBe("start");
  expect(step({ state: "starting", container: running })).toBe("report running (started)");
  expect(step({ state: "running", container: running })).toBe("wait");
});

test("desired ready holds the created container", () => {
  expect(step({ desired: "ready", state: "preparing" })).toBe("pull");
  expect(step({ desired: "ready", state: "ready", container: created })).toBe("wait");
  expect(step({ desired: "ready", state: "ready", pulled: true })).toBe("create");
});

test("a health check gates running, and unhealthy stops", () => {
  const health = (state: ContainerState["health"]) => ({ ...running, health: state });
  expect(step({ healthcheck: true, state: "starting", container: health("starting") })).toBe("wait");
  expect(step({ healthcheck: true, state: "starting", container: health("healthy") })).toBe("report running (started)");
  expect(step({ healthcheck: true, state: "starting", container: health("unhealthy") })).toBe("stop");
  expect(step({ healthcheck: true, state: "running", container: health("starting") })).toBe("wait");
  expect(step({ healthcheck: true, state: "running", container: health("unhealthy") })).toBe("stop");
  const killed: ContainerState = { ...ended(137), health: "unhealthy" };
  const failure = "task: non-zero exit (137): dockerexec: unhealthy container";
  expect(step({ healthcheck: true, state: "starting", message: "starting", container: killed })).toBe(
    `report failed (starting): ${failure}`,
  );
  expect(step({ healthcheck: true, state: "running", container: killed })).toBe(`report failed (started): ${failure}`);
  expect(step({ healthcheck: true, state: "running", container: { ...killed, exitCode: 0 } })).toBe(
    "report failed (started): task: non-zero exit (0): dockerexec: unhealthy container",
  );
});

test("an end is complete or failed by its exit code, and passes through running", () => {
  expect(step({ state: "starting", container: ended(3) })).toBe("report running (started)");
  expect(step({ state: "running", container: ended(3) })).toBe("report failed (started): task: non-zero exit (3)");
  expect(step({ state: "running", container: ended(0) })).toBe("report complete (finished)");
  expect(step({ healthcheck: true, state: "starting", message: "starting", container: ended(1) })).toBe(
    "report failed (starting): task: non-zero exit (1)",
  );
});

test("a container removed by hand was killed", () => {
  expect(step({ state: "running" })).toBe("report failed (started): task: non-zero exit (137)");
});

test("shutdown and removal stop what runs, then say so", () => {
  for (const desired of ["shutdown", "remove"] as const) {
    expect(step({ desired, state: "running", container: running })).toBe("stop");
    expect(step({ desired, state: "running", container: ended(143) })).toBe("report shutdown (shutdown)");
    expect(step({ desired, state: "preparing" })).toBe("report shutdown (shutdown)");
    expect(step({ desired, state: "failed", container: ended(1) })).toBe("wait");
  }
});

test("a container of a task that the manager has given up is stopped", () => {
  expect(step({ desired: "shutdown", state: "rejected", container: running })).toBe("stop");
});

test("what is left of a task goes when it leaves the assignments, not before", () => {
  expect(step({ state: "failed", container: ended(1) })).toBe("wait");
  expect(step({ assigned: false, state: "running", container: running })).toBe("stop");
  expect(step({ assigned: false, state: "failed", container: ended(1) })).toBe("remove");
  expect(step({ assigned: false, state: "ready", container: created })).toBe("remove");
  expect(step({ assigned: false, state: "failed" })).toBe("forget");
});

test("a spec that makes no container is rejected", () => {
  expect(step({ invalid: "expanding env failed" })).toBe(
    "report rejected (resolving controller failed): expanding env failed",
  );
});

/** What the engine does with a step, in the simplest case. */
function carryOut(before: TaskView): TaskView | undefined {
  const next = planTask(before);
  switch (next.do) {
    case "report": {
      const status = nextStatus(before.status, next, before.container, 0);
      return status && { ...before, status };
    }
    case "pull":
      return { ...before, pulled: true };
    case "create":
      return { ...before, container: created };
    case "start":
      return { ...before, container: { ...running, health: before.healthcheck ? "healthy" : "none" } };
    case "stop":
      return { ...before, container: { ...ended(137), health: before.container?.health ?? "none" } };
    case "remove":
      return { ...before, container: undefined };
    default:
      return undefined;
  }
}

test("from whatever is found, a few steps lead to rest, and no container is started twice", () => {
  const containers = fc.constantFrom(
    undefined,
    created,
    running,
    ended(0),
    ended(3),
    ...(["starting", "healthy", "unhealthy"] as const).map((health) => ({ ...running, health })),
  );
  const views = fc.record({
    desired: fc.constantFrom("ready", "running", "shutdown", "remove"),
    state: fc.constantFrom(...taskStates),
    assigned: fc.boolean(),
    pulled: fc.boolean(),
    healthcheck: fc.boolean(),
    container: containers,
  });
  fc.assert(
    fc.property(views, (changes) => {
      let now = view(changes as Changes);
      for (let steps = 0; ; steps++) {
        expect(steps).toBeLessThan(12);
        if (planTask(now).do === "start") expect(now.container?.phase).toBe("created");
        const next = carryOut(now);
        if (!next) break;
        expect(isTerminal(now.status.state) && next.status !== now.status).toBe(false);
        now = next;
      }
      const rest = planTask(now).do;
      expect(rest).toBe(changes.assigned ? "wait" : "forget");
    }),
    { numRuns: 2000 },
  );
});
