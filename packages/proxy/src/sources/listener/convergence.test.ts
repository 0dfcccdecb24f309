import { expect, test } from "vitest";
import type { SwarmService, TaskObject } from "../swarm/swarm-objects.ts";
import { isConverged, Settling } from "./convergence.ts";

const service = (replicas: number | undefined, updateState = ""): SwarmService => ({
  ...{ id: "s1", name: "web", version: 1, labels: {}, image: "", monitorMs: 5000 },
  ...{ replicas, updateState },
});

/** `1 node-1 running`, or with a fourth word for the desired state. */
const task = (text: string): TaskObject => {
  const [slot, node = "", state = "", desired = "running"] = text.split(" ");
  const place = node === "-" ? {} : { NodeID: node };
  return { ID: text, ServiceID: "s1", Slot: Number(slot), DesiredState: desired, Status: { State: state }, ...place };
};
const active = new Set(["node-1", "node-2"]);
const converged = (replicas: number | undefined, ...tasks: readonly string[]) =>
  isConverged(service(replicas), tasks.map(task), active);

test("a replicated service is converged when as many slots run as it has replicas", () => {
  expect(converged(1, "1 node-1 preparing")).toBe(false);
  expect(converged(1, "1 node-1 running")).toBe(true);
  expect(converged(3, "1 node-1 running", "2 node-2 running")).toBe(false);
  expect(converged(3, "1 node-1 running", "2 node-2 running", "3 - pending")).toBe(false);
  expect(converged(3, "1 node-1 running", "2 node-2 running", "3 node-1 running")).toBe(true);
  expect(converged(0)).toBe(true);
});

test("of two tasks in a slot the one with the lower state counts", () => {
  expect(converged(1, "1 node-1 running", "1 node-2 starting")).toBe(false);
  expect(converged(1, "1 node-1 running shutdown", "1 node-2 running")).toBe(true);
});

test("tasks on a node that is down do not count", () => {
  expect(converged(2, "1 node-1 running", "2 node-3 running")).toBe(false);
});

test("a global service is converged when the task of each node runs", () => {
  expect(converged(undefined)).toBe(false);
  expect(converged(undefined, "0 node-1 running")).toBe(true);
  expect(converged(undefined, "0 node-1 running", "0 node-2 ready")).toBe(false);
  expect(converged(undefined, "0 node-1 running", "0 node-2 running")).toBe(true);
  expect(converged(undefined, "0 node-1 running", "0 node-3 running")).toBe(false);
});

/** The states after looking each second: `+` converged, `-` not. */
function settle(looks: string, updateState = ""): string {
  const settling = new Settling();
  return [...looks]
    .map((look, i) => {
      settling.look(service(1, updateState), look === "+", i * 1000);
      return settling.state[0];
    })
    .join("");
}

test("tasks must have run for as long as the update watches them", () => {
  expect(settle("-++++++-")).toBe("wwwwwwss");
  expect(settle("++-++++++")).toBe("wwwwwwwws");
});

test("an update that was over before anybody looked is settled at once", () => {
  expect(settle("+", "completed")).toBe("s");
  expect(settle("-+", "completed")).toBe("ws");
});

test.each(["paused", "rollback_paused", "rollback_completed"])("an update that is %s is not waited for", (state) => {
  expect(settle("+", state)).toBe("a");
});
