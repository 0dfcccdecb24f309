import { expect, test } from "vitest";
import { following, scraped, seen, startListener, startSwarm, startTarget, task } from "./test-listener.ts";

test("tells of the services that are there, and of what is created, updated and removed", async () => {
  const [swarm, target] = [await startSwarm(), await startTarget()];
  swarm.put("web", seen, { replicas: 3 });
  await startListener(swarm, target);
  await following(swarm);
  await expect.poll(() => [...target.knows.values()]).toEqual(["distribute=true&port=8080&replicas=3&serviceName=web"]);
  swarm.put("api", seen);
  await expect.poll(() => target.names()).toEqual(["api", "web"]);
  swarm.put("web", { ...seen, "com.df.port": "9000" });
  await expect.poll(() => target.knows.get("web")).toBe("distribute=true&port=9000&replicas=1&serviceName=web");
  swarm.remove("api");
  await expect.poll(() => target.names()).toEqual(["web"]);
  expect(target.asked.at(-1)).toBe("GET /remove?distribute=true&port=8080&serviceName=api");
});

test("a service that no longer asks to be seen is told as removed", async () => {
  const [swarm, target] = [await startSwarm(), await startTarget()];
  swarm.put("web", seen);
  swarm.put("api", seen);
  await startListener(swarm, target);
  await following(swarm);
  await expect.poll(() => target.names()).toEqual(["api", "web"]);
  swarm.put("web", { ...seen, "com.df.notify": "false" });
  await expect.poll(() => target.names()).toEqual(["api"]);
  swarm.put("api", {});
  await expect.poll(() => target.names()).toEqual([]);
});

test("a service scaled to nothing is told with no replicas, and again when it is back", async () => {
  const [swarm, target] = [await startSwarm(), await startTarget()];
  swarm.put("web", seen, { replicas: 0 });
  await startListener(swarm, target);
  await following(swarm);
  await expect.poll(() => target.knows.get("web")).toContain("replicas=0");
  swarm.put("web", seen, { replicas: 2 });
  await expect.poll(() => target.knows.get("web")).toContain("replicas=2");
});

test("a service that becomes global is told without replicas, and with them when it is replicated again", async () => {
  const [swarm, target] = [await startSwarm(), await startTarget()];
  swarm.put("web", seen, { replicas: 2 });
  await startListener(swarm, target);
  await following(swarm);
  await expect.poll(() => target.knows.get("web")).toContain("replicas=2");
  swarm.put("web", seen, { Spec: { Name: "web", Labels: seen, Mode: {} } });
  await expect.poll(() => target.knows.get("web")).toBe("distribute=true&port=8080&serviceName=web");
  swarm.put("web", seen, { replicas: 3 });
  await expect.poll(() => target.knows.get("web")).toContain("replicas=3");
});

test("a label that is new, and one that is gone, are told", async () => {
  const [swarm, target] = [await startSwarm(), await startTarget()];
  swarm.put("web", seen);
  await startListener(swarm, target);
  await following(swarm);
  await expect.poll(() => target.names()).toEqual(["web"]);
  swarm.put("web", { ...seen, "com.df.httpsOnly": "true" });
  await expect.poll(() => target.knows.get("web")).toContain("httpsOnly=true");
  swarm.put("web", seen);
  await expect.poll(() => target.knows.get("web")).not.toContain("httpsOnly");
});

test("a change that means nothing to a target is not told", async () => {
  const [swarm, target] = [await startSwarm(), await startTarget()];
  swarm.put("web", seen);
  await startListener(swarm, target);
  await following(swarm);
  await expect.poll(() => target.names()).toEqual(["web"]);
  swarm.put("web", { ...seen, "com.example.owner": "me" });
  swarm.put("api", seen);
  await expect.poll(() => target.names()).toEqual(["api", "web"]);
  expect(target.asked).toHaveLength(2);
});

test("what happened while the stream of events was cut is told all the same", async () => {
  const [swarm, target] = [await startSwarm(), await startTarget()];
  swarm.put("web", seen);
  await startListener(swarm, target);
  await following(swarm);
  await expect.poll(() => target.names()).toEqual(["web"]);
  swarm.endStreams();
  swarm.remove("web", { silently: true });
  swarm.put("api", seen, { silently: true });
  await expect.poll(() => target.names(), { timeout: 3000 }).toEqual(["api"]);
});

test("nodes are told with their labels, as removed when they are down or gone, and not for a new version only", async () => {
  const [swarm, target] = [await startSwarm(), await startTarget()];
  await startListener(swarm, undefined, { nodeEndpoints: [target.endpoint] });
  await following(swarm);
  const node = (more = "zone=east", version = 11) =>
    `address=192.168.0.1&availability=active&hostname=node-1&id=id-node-1&role=worker&state=ready&versionIndex=${version}&${more}`;
  await expect.poll(() => [...target.knows.values()]).toEqual([node()]);
  swarm.putNode("node-1");
  swarm.putNode("node-2");
  await expect.poll(() => target.names()).toEqual(["id-node-1", "id-node-2"]);
  expect(target.knows.get("id-node-1")).toBe(node());
  swarm.putNode("node-1", "ready", { "com.df.zone": "west" });
  await expect.poll(() => target.knows.get("id-node-1")).toBe(node("zone=west", 14));
  swarm.putNode("node-2", "down");
  await expect.poll(() => target.names()).toEqual(["id-node-1"]);
  expect(target.asked.at(-1)).toBe("GET /remove?address=192.168.0.1&hostname=node-2&id=id-node-2");
  swarm.removeNode("node-1");
  await expect.poll(() => target.names()).toEqual([]);
});

test("a node's new role and availability are told", async () => {
  const [swarm, target] = [await startSwarm(), await startTarget()];
  await startListener(swarm, undefined, { nodeEndpoints: [target.endpoint] });
  await following(swarm);
  await expect.poll(() => target.names()).toEqual(["id-node-1"]);
  const node = swarm.nodes.get("id-node-1");
  if (!node) throw new Error("no node");
  const become = (Index: number, Role: string, Availability: string) => {
    swarm.nodes.set(node.ID, { ...node, Version: { Index }, Spec: { ...node.Spec, Role, Availability } });
    swarm.tell("node", "update", node.ID);
  };
  become(98, "manager", "active");
  await expect.poll(() => target.knows.get(node.ID)).toMatch(/availability=active.*role=manager/);
  become(99, "manager", "drain");
  await expect.poll(() => target.knows.get(node.ID)).toMatch(/availability=drain.*role=manager/);
});

test("a service with a scrape network is told when its tasks run; at the start it is told as removed until then", async () => {
  const [swarm, target] = [await startSwarm(), await startTarget()];
  target.knows.set("web", "from an earlier life");
  swarm.put("web", scraped, { UpdateStatus: { State: "completed" } });
  swarm.tasks = [task("web", "preparing")];
  await startListener(swarm, target, { includeNodeInfo: true });
  await expect
    .poll(() => target.asked)
    .toEqual(["GET /remove?distribute=true&port=8080&scrapeNetwork=monitor&serviceName=web"]);
  swarm.tasks = [task("web")];
  await expect.poll(() => target.knows.get("web"), { timeout: 3000 }).toBeDefined();
  const parameters = new URLSearchParams(target.knows.get("web"));
  expect(JSON.parse(parameters.get("nodeInfo") ?? "")).toEqual([["node-1", "10.0.1.3", "id-node-1"]]);
});

test("a service with a scrape network whose tasks run at the start is told at once", async () => {
  const [swarm, target] = [await startSwarm(), await startTarget()];
  swarm.put("web", scraped);
  swarm.tasks = [task("web")];
  await startListener(swarm, target);
  await expect.poll(() => target.names()).toEqual(["web"]);
  expect(target.asked).toHaveLength(1);
});

test("what changes while tasks are being read is told right after", async () => {
  const [swarm, target] = [await startSwarm(), await startTarget()];
  swarm.put("web", scraped);
  swarm.tasks = [task("web")];
  await startListener(swarm, target, { includeNodeInfo: true });
  await following(swarm);
  await expect.poll(() => target.names()).toEqual(["web"]);
  swarm.tasksMs = 100;
  const asked = swarm.asked.length;
  swarm.put("api", seen);
  await expect.poll(() => swarm.asked.slice(asked).some((line) => line.startsWith("GET /tasks"))).toBe(true);
  swarm.put("other", seen);
  await expect.poll(() => target.names()).toEqual(["api", "other", "web"]);
});

test("on request a service is told before its tasks run", async () => {
  const [swarm, target] = [await startSwarm(), await startTarget()];
  swarm.put("web", scraped);
  await startListener(swarm, target, { createImmediately: true });
  await expect.poll(() => target.names()).toEqual(["web"]);
});

test("two services under one short name take turns without losing the route", async () => {
  const [swarm, target] = [await startSwarm(), await startTarget()];
  const short = (stack: string) => ({ ...seen, "com.df.shortName": "true", "com.docker.stack.namespace": stack });
  swarm.put("blue_web", short("blue"));
  await startListener(swarm, target);
  await following(swarm);
  await expect.poll(() => target.names()).toEqual(["web"]);
  swarm.put("green_web", { ...short("green"), "com.df.port": "9000" });
  await expect.poll(() => target.knows.get("web")).toContain("port=9000");
  swarm.remove("green_web");
  await expect.poll(() => target.knows.get("web")).toContain("port=8080");
});
