import { silentLogger, systemClock } from "@skep/model";
import { expect, test } from "vitest";
import { SharedRoutes } from "./shared-routes.ts";
import { SwarmClient } from "./swarm-client.ts";
import { startReplica, startSwarm } from "./test-replica.ts";
import type { TestSwarm } from "./test-swarm.ts";

/** The label of a revision: its number, and marks that chance has made. */
const revision = (number: number) => expect.stringMatching(new RegExp(`^${number}( \\w+){${number}}$`));
const updates = (swarm: TestSwarm) => swarm.asked.filter((line) => line.startsWith("POST")).length;

test("a route is a label of the own service, and nothing else of it changes", async () => {
  const swarm = await startSwarm();
  const more = { EndpointSpec: { Mode: "vip" }, UpdateConfig: { Monitor: 5e9, MaxFailureRatio: 0.5 } };
  const Spec = { Name: "proxy", Labels: { team: "edge" }, ...more };
  swarm.put("proxy", {}, { Spec });
  const { shared } = startReplica(swarm);
  await shared.change("web", "servicePath=/web&port=8080");
  expect(swarm.services.get("id-proxy")?.Spec).toEqual({
    ...Spec,
    Mode: { Replicated: { Replicas: 1 } },
    Labels: { team: "edge", "com.df.httpRevision": revision(1), "com.df.http.web": "servicePath=/web&port=8080" },
  });
  await shared.change("web", undefined);
  expect(swarm.labelsOf("proxy")).toEqual({ team: "edge", "com.df.httpRevision": revision(2) });
});

test("all replicas have a route, also those that start later", async () => {
  const swarm = await startSwarm();
  const [a, b] = [startReplica(swarm), startReplica(swarm)];
  await a.shared.change("web", "port=8080");
  await b.shared.change("api", "port=9000");
  const all = { web: "port=8080", api: "port=9000" };
  await expect.poll(a.routes).toEqual(all);
  await expect.poll(b.routes).toEqual(all);
  await expect.poll(startReplica(swarm).routes).toEqual(all);
  await a.shared.change("api", undefined);
  await expect.poll(b.routes).toEqual({ web: "port=8080" });
});

test("the own change is there at once, and an older snapshot does not undo it", async () => {
  const swarm = await startSwarm();
  using client = new SwarmClient(swarm.target);
  const shared = new SharedRoutes(client, { serviceName: "proxy", clock: systemClock, log: silentLogger });
  const old = { ...swarm.put("proxy"), id: "id-proxy", version: 11, name: "proxy", labels: {}, image: "" };
  const before = { ...old, replicas: 1, updateState: "", monitorMs: 5000 };
  expect(shared.observe(before)).toBe(false);
  const written = shared.change("web", "port=8080");
  expect(Object.fromEntries(shared.routes)).toEqual({ web: "port=8080" });
  await written;
  expect(shared.observe(before)).toBe(false);
  expect(Object.fromEntries(shared.routes)).toEqual({ web: "port=8080" });
});

test("changes that come together are one update", async () => {
  const swarm = await startSwarm();
  const { shared } = startReplica(swarm);
  await Promise.all(Array.from({ length: 200 }, (_, i) => shared.change(`web${i}`, `port=${i}`)));
  expect(Object.keys(swarm.labelsOf("proxy"))).toHaveLength(202);
  expect(updates(swarm)).toBe(1);
  const first = shared.change("a", "port=1");
  await new Promise((resolve) => setTimeout(resolve, 1));
  await Promise.all([first, ...Array.from({ length: 50 }, (_, i) => shared.change(`api${i}`, `port=${i}`))]);
  expect(updates(swarm)).toBeLessThanOrEqual(3);
});

test("replicas that write at the same time lose nothing", async () => {
  const swarm = await startSwarm();
  const replicas = Array.from({ length: 5 }, () => startReplica(swarm));
  const writes = replicas.flatMap(({ shared }, r) =>
    Array.from({ length: 20 }, async (_, i) => {
      await new Promise((resolve) => setTimeout(resolve, i * 3));
      await shared.change(`web-${r}-${i}`, `port=${i}`);
      if (i % 4 === 0) await shared.change(`web-${r}-${i}`, undefined);
    }),
  );
  await Promise.all(writes);
  const expected = replicas.flatMap((_, r) =>
    Array.from({ length: 20 }, (_, i) => i).flatMap((i) => (i % 4 === 0 ? [] : [`web-${r}-${i}`])),
  );
  for (const { routes } of replicas) await expect.poll(() => Object.keys(routes()).sort()).toEqual(expected.sort());
}, 20_000);

test("the same change at all replicas, as a distributed request makes it, is written once", async () => {
  const swarm = await startSwarm();
  const replicas = Array.from({ length: 5 }, () => startReplica(swarm));
  await Promise.all(replicas.map(({ shared }) => shared.change("web", "port=8080")));
  expect(swarm.labelsOf("proxy")["com.df.httpRevision"]).toEqual(revision(1));
});

test("a stack that is deployed again takes no route away", async () => {
  const swarm = await startSwarm();
  const replicas = [startReplica(swarm), startReplica(swarm)];
  await replicas[0]?.shared.change("web", "port=8080");
  await expect.poll(replicas[1]?.routes ?? (() => {})).toEqual({ web: "port=8080" });
  swarm.put("proxy", { team: "core" });
  await expect
    .poll(() => swarm.labelsOf("proxy"))
    .toEqual({ team: "core", "com.df.httpRevision": revision(2), "com.df.http.web": "port=8080" });
  for (const { routes } of replicas) expect(routes()).toEqual({ web: "port=8080" });
});

test("a label that an operator removes is a route removed", async () => {
  const swarm = await startSwarm();
  const { shared, routes } = startReplica(swarm);
  await shared.change("web", "port=8080");
  const { "com.df.http.web": _, ...others } = swarm.labelsOf("proxy");
  swarm.put("proxy", others);
  await expect.poll(routes).toEqual({});
});

test("a write waits while the own service is being updated, whoever asks for it does not", async () => {
  const swarm = await startSwarm();
  swarm.put("proxy", {}, { UpdateStatus: { State: "updating" } });
  const { shared, routes } = startReplica(swarm);
  await shared.change("web", "port=8080");
  await shared.change("api", "port=9000");
  expect(updates(swarm)).toBe(0);
  expect(routes()).toEqual({ web: "port=8080", api: "port=9000" });
  swarm.put("proxy", {}, { UpdateStatus: { State: "completed" } });
  await expect.poll(() => updates(swarm), { timeout: 3000 }).toBe(1);
  expect(Object.keys(swarm.labelsOf("proxy"))).toContain("com.df.http.api");
  await shared.change("api", undefined);
  expect(updates(swarm)).toBe(2);
});

test("an update that does not end is waited for no longer than given", async () => {
  const swarm = await startSwarm();
  swarm.put("proxy", {}, { UpdateStatus: { State: "updating" } });
  await startReplica(swarm, { holdMs: 10 }).shared.change("web", "port=8080");
  await expect.poll(() => updates(swarm), { timeout: 3000 }).toBe(1);
});

test("a replica that ends writes first what it still holds", async () => {
  const swarm = await startSwarm();
  swarm.put("proxy", {}, { UpdateStatus: { State: "updating" } });
  const { shared } = startReplica(swarm);
  const written = shared.change("web", "port=8080");
  await expect.poll(() => swarm.asked).toContain("GET /services/proxy");
  await shared[Symbol.asyncDispose]();
  await written;
  expect(swarm.labelsOf("proxy")["com.df.http.web"]).toBe("port=8080");
});

test("what could not be written is kept, said, and written when the swarm can be asked again", async () => {
  const swarm = await startSwarm();
  swarm.isManager = false;
  const { shared, routes } = startReplica(swarm);
  await expect(shared.change("web", "port=8080")).rejects.toThrow(
    "the route is not shared with the other replicas: This node is not a swarm manager.",
  );
  expect(routes()).toEqual({ web: "port=8080" });
  swarm.isManager = true;
  await expect.poll(() => swarm.labelsOf("proxy")["com.df.http.web"], { timeout: 3000 }).toBe("port=8080");
});

test("an update whose answer got lost is not made twice", async () => {
  const swarm = await startSwarm();
  const { shared, routes } = startReplica(swarm);
  swarm.losesNextAnswer = true;
  await expect(shared.change("web", "port=8080")).rejects.toThrow("not shared with the other replicas");
  await shared.change("api", "port=9000");
  expect(swarm.labelsOf("proxy")["com.df.httpRevision"]).toEqual(revision(2));
  expect(routes()).toEqual({ web: "port=8080", api: "port=9000" });
});

test("a change that comes while the same route is being written is the next write", async () => {
  const swarm = await startSwarm();
  const { shared } = startReplica(swarm);
  const later: Promise<void>[] = [];
  swarm.onUpdate = () => {
    swarm.onUpdate = () => {};
    later.push(shared.change("web", "port=9000"));
  };
  await shared.change("web", "port=8080");
  await Promise.all(later);
  expect(swarm.labelsOf("proxy")["com.df.http.web"]).toBe("port=9000");
});

test("without a service of its own name it tells so", async () => {
  const swarm = await startSwarm();
  const { shared } = startReplica(swarm, { serviceName: "prox" });
  await expect(shared.change("web", "port=8080")).rejects.toThrow(
    "no service prox in the swarm; is SERVICE_NAME right?",
  );
});

test("a replica of a removed service leaves its successor of the same name alone", async () => {
  const swarm = await startSwarm();
  const { shared } = startReplica(swarm);
  await shared.change("web", "port=8080");
  swarm.remove("proxy");
  swarm.put("proxy", {}, { ID: "id-successor" });
  await expect(shared.change("api", "port=9000")).rejects.toThrow("another one than this is a task of");
  expect(swarm.labelsOf("proxy")).toEqual({});
});
