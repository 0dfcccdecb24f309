import { expect, test } from "vitest";
import { SwarmClient } from "../swarm/swarm-client.ts";
import { type SwarmNode, type TaskObject, toSwarmService } from "../swarm/swarm-objects.ts";
import { TestSwarm } from "../swarm/test-swarm.ts";
import { ServiceTasks } from "./service-tasks.ts";

const never = new AbortController().signal;
const scraped = { "com.df.scrapeNetwork": "monitor" };
const node: SwarmNode = {
  ...{ id: "n1", hostname: "node-1", version: 1, address: "", state: "ready", role: "worker", availability: "active" },
  ...{ labels: {}, engineLabels: {} },
};
const task = (state: string): TaskObject => ({
  ...{ ID: "t1", ServiceID: "id-web", NodeID: "n1", Slot: 1, DesiredState: "running", Status: { State: state } },
  NetworksAttachments: [{ Network: { Spec: { Name: "monitor" } }, Addresses: ["10.0.1.3/24"] }],
});

/** Looks at the tasks of `web` at the given second. */
function start(swarm: TestSwarm, include = true) {
  const tasks = new ServiceTasks(new SwarmClient(swarm.target), { include, withAddress: true });
  const update = () => tasks.update([...swarm.services.values()].map(toSwarmService));
  const look = async (second: number) => {
    await tasks.look([node], second * 1000, false, never);
    const { state, nodeInfo } = tasks.of("id-web") ?? {};
    return `${state} ${nodeInfo?.flat().join(" ") ?? "-"}`;
  };
  return { tasks, update, look };
}

test("a snapshot in which a service has not changed does not make it settle anew", async () => {
  await using swarm = await TestSwarm.start();
  const { update, look, tasks } = start(swarm);
  swarm.put("web", scraped);
  swarm.tasks = [task("running")];
  update();
  expect(await look(0)).toBe("waiting node-1 10.0.1.3 n1");
  update();
  expect(await look(5)).toBe("settled node-1 10.0.1.3 n1");
  expect(tasks.isWaiting).toBe(false);
  swarm.put("web", scraped);
  update();
  expect(await look(6)).toBe("waiting node-1 10.0.1.3 n1");
});

test("services without a scrape network are not waited for", async () => {
  await using swarm = await TestSwarm.start();
  const { update, look, tasks } = start(swarm);
  swarm.put("web");
  update();
  expect(await look(0)).toBe("undefined -");
  expect([tasks.isWaiting, swarm.asked]).toEqual([false, []]);
});

test("once settled, tasks are read again only for where they run", async () => {
  await using swarm = await TestSwarm.start();
  swarm.put("web", scraped, { UpdateStatus: { State: "completed" } });
  swarm.tasks = [task("running")];
  for (const include of [true, false]) {
    const { update, look } = start(swarm, include);
    update();
    await look(0);
    const asked = swarm.asked.length;
    expect(await look(1)).toBe(include ? "settled node-1 10.0.1.3 n1" : "settled -");
    expect(swarm.asked.length - asked).toBe(include ? 1 : 0);
  }
});

test("asks for tasks of the newest spec only", async () => {
  await using swarm = await TestSwarm.start();
  swarm.put("web", scraped);
  const { update, look } = start(swarm);
  update();
  expect(await look(0)).toBe("waiting -");
  const filters = '{"_up-to-date":["true"],"desired-state":["running","accepted"],"service":["id-web"]}';
  expect(swarm.asked).toEqual([`GET /tasks?filters=${filters}`]);
});
