import { silentLogger } from "@skep/model";
import { FakeClock } from "@skep/testkit";
import { afterEach, expect, test } from "vitest";
import { ListenerMetrics } from "./listener-metrics.ts";
import { Notifier, type NotifierOptions } from "./notifier.ts";
import { existing, TestTarget } from "./test-target.ts";

const cleanups: Disposable[] = [];
afterEach(() => {
  for (const cleanup of cleanups.splice(0).reverse()) cleanup[Symbol.dispose]();
});

async function startTarget(): Promise<TestTarget> {
  const target = await TestTarget.start();
  cleanups.push(target);
  return target;
}

function startNotifier(targets: readonly TestTarget[], more: Partial<NotifierOptions> = {}) {
  const clock = new FakeClock();
  const metrics = new ListenerMetrics();
  const endpoints = targets.map(({ endpoint }) => endpoint);
  const common = { kind: "service", endpoints, retries: 3, retryIntervalMs: 5000, log: silentLogger } as const;
  const notifier = new Notifier({ ...common, clock, metrics, ...more });
  cleanups.push(notifier);
  return { notifier, clock, metrics };
}

test("tells a target of what is new, changed and gone, and of nothing else", async () => {
  const target = await startTarget();
  const { notifier } = startNotifier([target]);
  notifier.reconcile(existing("api:1", "web:1"));
  await expect.poll(() => target.asked.length).toBe(2);
  notifier.reconcile(existing("api:1", "web:2"));
  await expect.poll(() => target.asked.length).toBe(3);
  notifier.reconcile(existing("web:2"));
  await expect.poll(() => target.asked.length).toBe(4);
  expect([...target.asked.slice(0, 2).sort(), ...target.asked.slice(2)]).toEqual([
    "GET /reconfigure?port=1&serviceName=api",
    "GET /reconfigure?port=1&serviceName=web",
    "GET /reconfigure?port=2&serviceName=web",
    "GET /remove?serviceName=api",
  ]);
});

test("parameters come after those that a URL has already; each URL has its method", async () => {
  const target = await startTarget();
  const url = (path: string) => new URL(`http://${target.host}${path}`);
  const endpoint = {
    host: target.host,
    create: [
      { url: url("/r?a=b"), method: "PUT" },
      { url: url("/other"), method: "GET" },
    ],
    remove: [{ url: url("/d?c=d"), method: "DELETE" }],
  };
  const { notifier } = startNotifier([], { endpoints: [endpoint] });
  notifier.reconcile(existing("web:1"));
  await expect.poll(() => target.asked.length).toBe(2);
  notifier.reconcile(existing());
  await expect.poll(() => target.asked.length).toBe(3);
  expect(target.asked.sort()).toEqual([
    "DELETE /d?c=d&serviceName=web",
    "GET /other?port=1&serviceName=web",
    "PUT /r?a=b&port=1&serviceName=web",
  ]);
});

test("a target without a URL for removals is not told of them", async () => {
  const target = await startTarget();
  const { notifier } = startNotifier([], { endpoints: [{ ...target.endpoint, remove: [] }] });
  notifier.reconcile(existing("web:1"));
  await expect.poll(() => target.names()).toEqual(["web"]);
  notifier.reconcile(existing());
  notifier.reconcile(existing("web:1"));
  await expect.poll(() => target.asked.length).toBe(2);
});

test("a removal has the newest parameters, also when creating has none that are new", async () => {
  const target = await startTarget();
  const { notifier } = startNotifier([target]);
  const web = (remove: string) => new Map([["web", { create: "serviceName=web", remove }]]);
  notifier.reconcile(web("serviceName=web"));
  notifier.reconcile(web("aclName=1&serviceName=web"));
  notifier.reconcile(new Map());
  await expect.poll(() => target.asked.at(-1)).toBe("GET /remove?aclName=1&serviceName=web");
});

test("what nobody was told of is not told as removed", async () => {
  const target = await startTarget();
  const { notifier } = startNotifier([target]);
  notifier.reconcile(existing("web"));
  notifier.reconcile(existing());
  notifier.reconcile(existing("api:1"));
  await expect.poll(() => target.asked).toEqual(["GET /reconfigure?port=1&serviceName=api"]);
});

test("a service that is waited for stays as it was told", async () => {
  const target = await startTarget();
  const { notifier } = startNotifier([target]);
  notifier.reconcile(existing("web:1"));
  notifier.reconcile(existing("web"));
  await expect.poll(() => target.names()).toEqual(["web"]);
  notifier.reconcile(existing());
  await expect.poll(() => target.names()).toEqual([]);
});

test("409 is taken for an answer to create", async () => {
  const target = await startTarget();
  const { notifier, clock } = startNotifier([target]);
  target.behave = () => ({ status: 409 });
  notifier.reconcile(existing("web:1"));
  await expect.poll(() => target.asked.length).toBe(1);
  await new Promise((resolve) => setTimeout(resolve, 30));
  expect(clock.pending).toBe(0);
});

test.each([500, 400, 404, 204, 409])("a removal answered with %i is tried again", async (status) => {
  const target = await startTarget();
  const { notifier, clock } = startNotifier([target]);
  notifier.reconcile(existing("web:1"));
  await expect.poll(() => target.names()).toEqual(["web"]);
  target.behave = () => ({ status });
  notifier.reconcile(existing());
  await expect.poll(() => clock.nextInMs).toBe(5000);
  target.behave = () => ({ status: 200 });
  clock.advance(5000);
  await expect.poll(() => target.names()).toEqual([]);
});

test("after the last retry it is an error, and goes on once a minute: nothing is lost", async () => {
  const target = await startTarget();
  const errors: string[] = [];
  const log = {
    ...silentLogger,
    error: (fields: object, message: string) => errors.push(`${message} ${JSON.stringify(fields)}`),
  };
  const { notifier, clock, metrics } = startNotifier([target], { log });
  target.behave = () => ({ status: 500 });
  notifier.reconcile(existing("web:1"));
  for (let call = 1; call <= 3; call++) {
    await expect.poll(() => clock.nextInMs).toBe(5000);
    expect(errors).toEqual([]);
    clock.advance(5000);
  }
  await expect.poll(() => clock.nextInMs).toBe(60_000);
  expect(target.asked).toHaveLength(4);
  expect(errors).toHaveLength(1);
  expect(errors[0]).toContain('a service notification is not taken {"target":"127.0.0.1:');
  expect(metrics.render()).toContain(
    'docker_flow_error{operation="notificationSendCreateserviceRequest",service="swarm_listener"} 1',
  );
  target.behave = () => ({ status: 200 });
  clock.advance(60_000);
  await expect.poll(() => target.names()).toEqual(["web"]);
  expect(errors).toHaveLength(1);
});

test("an interval of 0 means no retries, but once a minute", async () => {
  const target = await startTarget();
  const { notifier, clock } = startNotifier([target], { retryIntervalMs: 0 });
  target.behave = () => ({ status: 500 });
  notifier.reconcile(existing("web:1"));
  await expect.poll(() => clock.nextInMs).toBe(60_000);
});

test("a newer notice ends the retries of the older one", async () => {
  const target = await startTarget();
  const { notifier, clock } = startNotifier([target]);
  target.behave = () => ({ status: 500 });
  notifier.reconcile(existing("web:1"));
  await expect.poll(() => clock.nextInMs).toBe(5000);
  target.behave = () => ({ status: 200 });
  notifier.reconcile(existing("web:2"));
  await expect.poll(() => target.knows.get("web")).toBe("port=2&serviceName=web");
  await clock.advanceAsync(600_000);
  expect(target.asked).toHaveLength(2);
});

test("a call that was cancelled but ends after its successor does not have the last word", async () => {
  const target = await startTarget();
  const { notifier, clock } = startNotifier([target]);
  target.behave = () => ({ status: 200, ms: 100 });
  notifier.reconcile(existing("web:1"));
  await expect.poll(() => target.asked.length).toBe(1);
  target.behave = () => ({ status: 200 });
  notifier.reconcile(existing());
  await expect.poll(() => target.names()).toEqual(["web"]);
  await expect.poll(() => clock.nextInMs).toBe(30_000);
  clock.advance(30_000);
  await expect.poll(() => target.names()).toEqual([]);
});

test("a service that was made anew at once is told as changed, not as removed", async () => {
  const target = await startTarget();
  const { notifier } = startNotifier([target]);
  notifier.reconcile(existing("web:1"));
  await expect.poll(() => target.names()).toEqual(["web"]);
  notifier.reconcile(existing());
  notifier.reconcile(existing("web:1"));
  await expect.poll(() => target.asked.length).toBeGreaterThan(1);
  await new Promise((resolve) => setTimeout(resolve, 30));
  expect(target.names()).toEqual(["web"]);
});

test("a slow or dead target does not hold up the others, nor one service another", async () => {
  const [slow, quick] = [await startTarget(), await startTarget()];
  slow.behave = () => (slow.asked.length === 1 ? { status: 200, ms: 60_000 } : { status: 200 });
  const { notifier } = startNotifier([slow, quick]);
  notifier.reconcile(existing("web:1"));
  await expect.poll(() => slow.asked.length).toBe(1);
  notifier.reconcile(existing("web:1", "api:1"));
  await expect.poll(() => quick.names()).toEqual(["api", "web"]);
  await expect.poll(() => slow.names()).toEqual(["api"]);
});

test("all are told once more on request, or some of them", async () => {
  const target = await startTarget();
  const { notifier } = startNotifier([target]);
  notifier.reconcile(existing("api:1", "web:1"));
  await expect.poll(() => target.names()).toEqual(["api", "web"]);
  target.knows.clear();
  notifier.resend(new Set(["api", "none"]));
  await expect.poll(() => target.names()).toEqual(["api"]);
  notifier.resend();
  await expect.poll(() => target.names()).toEqual(["api", "web"]);
});

test("what does not run yet can be told as removed first", async () => {
  const target = await startTarget();
  target.knows.set("web", "from an earlier life");
  const { notifier } = startNotifier([target]);
  notifier.remove("web", "serviceName=web");
  await expect.poll(() => target.names()).toEqual([]);
  notifier.reconcile(existing("web:1"));
  await expect.poll(() => target.names()).toEqual(["web"]);
});

test("1,000 services reach a target without 1,000 connections", async () => {
  const target = await startTarget();
  let [open, most] = [0, 0];
  target.behave = () => {
    most = Math.max(most, ++open);
    setTimeout(() => open--, 2);
    return { status: 200, ms: 2 };
  };
  const { notifier } = startNotifier([target]);
  notifier.reconcile(existing(...Array.from({ length: 1000 }, (_, i) => `web${i}:1`)));
  await expect.poll(() => target.knows.size, { timeout: 10_000 }).toBe(1000);
  expect(most).toBeLessThanOrEqual(60);
}, 15_000);
