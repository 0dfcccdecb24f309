import { once } from "node:events";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { silentLogger } from "@skep/model";
import { FakeClock } from "@skep/testkit";
import { afterEach, expect, test } from "vitest";
import { askToNotify, type ListenerClientOptions, watchListeners } from "./listener-client.ts";

const cleanups: (() => void)[] = [];
afterEach(() => {
  for (const cleanup of cleanups.splice(0)) cleanup();
});

/** A listener that names `services`, or answers with `status`; its address is `127.0.0.1:<port>`. */
async function startListener(services: readonly string[] = []) {
  const listener = { services, status: 200, body: undefined as string | undefined, asked: [] as string[], address: "" };
  const answer: RequestListener = (request, response) => {
    listener.asked.push(`${request.method} ${request.url}`);
    const list = listener.services.map((serviceName) => ({ serviceName, port: "8080" }));
    response.writeHead(listener.status).end(listener.body ?? JSON.stringify(list));
  };
  const server = createServer(answer).listen(0, "127.0.0.1");
  await once(server, "listening");
  listener.address = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  cleanups.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return listener;
}

/** Watches, and keeps the names of each snapshot. */
function watch(addresses: readonly string[], more: Partial<ListenerClientOptions> = {}) {
  const clock = new FakeClock();
  const ending = new AbortController();
  const snapshots: string[] = [];
  const state = { ended: false };
  const options = {
    ...{ addresses, clock, log: silentLogger, intervalMs: 5000, attempts: 5, repeat: false },
    ...{ exists: async () => false, ...more },
  };
  const running = (async () => {
    for await (const services of watchListeners(options, ending.signal))
      snapshots.push([...services.keys()].sort().join(" "));
    state.ended = true;
  })();
  cleanups.push(() => ending.abort());
  /** Waits for the pause between two attempts, and ends it. */
  const next = async () => {
    await expect.poll(() => clock.nextInMs).toBe(5000);
    await clock.advanceAsync(5000);
  };
  return { clock, snapshots, state, running, next };
}

const getServices = "GET /v1/docker-flow-swarm-listener/get-services";

test("one listener is asked at once, and no more after its first answer", async () => {
  const listener = await startListener(["web", "api"]);
  const { snapshots, running, clock } = watch([listener.address]);
  await running;
  expect(snapshots).toEqual(["api web"]);
  expect(listener.asked).toEqual([getServices]);
  expect(clock.pending).toBe(0);
});

test("one listener is asked again at each interval until it answers", async () => {
  const listener = await startListener(["web"]);
  listener.status = 500;
  const { snapshots, next, running } = watch([listener.address], { attempts: 2 });
  await next();
  listener.status = 200;
  listener.body = "<html>";
  await next();
  await next();
  expect(snapshots).toEqual([]);
  listener.body = undefined;
  await next();
  await running;
  expect(snapshots).toEqual(["web"]);
  expect(listener.asked).toHaveLength(5);
});

test("several listeners are asked as often as attempts are given", async () => {
  const [there, broken] = [await startListener(["web"]), await startListener()];
  broken.status = 503;
  const { snapshots, next, running } = watch([there.address, broken.address], { attempts: 3 });
  await next();
  await next();
  await running;
  expect(snapshots).toEqual(["web"]);
  expect([there.asked.length, broken.asked.length]).toEqual([1, 3]);
});

test("what several listeners name is put together", async () => {
  const [a, b] = [await startListener(["web"]), await startListener(["api", "web"])];
  const { snapshots, running } = watch([a.address, `http://${b.address}`]);
  await running;
  expect(snapshots).toEqual(["api web"]);
});

test("with repeat, services that are no longer there vanish", async () => {
  const listener = await startListener(["web", "api"]);
  const { snapshots, next } = watch([listener.address], { repeat: true });
  await next();
  expect(snapshots).toEqual(["api web"]);
  listener.services = ["web"];
  await next();
  await expect.poll(() => snapshots).toEqual(["api web", "web"]);
  listener.services = [];
  await next();
  await expect.poll(() => snapshots).toEqual(["api web", "web", ""]);
});

test("a service that is left out because one of its tasks is down keeps its route", async () => {
  const listener = await startListener(["web", "api"]);
  const exists: ListenerClientOptions["exists"] = async ({ serviceName }) => {
    if (serviceName === "web") return true;
    throw new Error("ESERVFAIL");
  };
  const { snapshots, next } = watch([listener.address], { repeat: true, exists });
  await next();
  listener.services = [];
  await next();
  await next();
  expect(snapshots).toEqual(["api web"]);
});

test("a listener that fails once changes nothing", async () => {
  const listener = await startListener(["web"]);
  const { snapshots, next } = watch([listener.address], { repeat: true });
  await next();
  listener.status = 500;
  await next();
  await next();
  expect(snapshots).toEqual(["web"]);
});

test("a listener without services has answered too", async () => {
  const listener = await startListener([]);
  const { snapshots, running } = watch([listener.address]);
  await running;
  expect(snapshots).toEqual([""]);
});

test("what is no service with a name is left out", async () => {
  const listener = await startListener();
  listener.body = '[{"serviceName":"web","port":"80"},{"port":"80"},{"serviceName":"api","port":80},null,"x"]';
  const { snapshots, running } = watch([listener.address]);
  await running;
  expect(snapshots).toEqual(["web"]);
});

test("asks every listener to notify", async () => {
  const [a, b] = [await startListener(), await startListener()];
  await askToNotify([a.address, `http://${b.address}`], { clock: new FakeClock() });
  const line = "GET /v1/docker-flow-swarm-listener/notify-services";
  expect([...a.asked, ...b.asked]).toEqual([line, line]);
});

test("one listener of several that fails is an error", async () => {
  const [a, b] = [await startListener(), await startListener()];
  b.status = 500;
  await expect(askToNotify([a.address, b.address], { clock: new FakeClock() })).rejects.toThrow(
    `http://${b.address}/v1/docker-flow-swarm-listener/notify-services answered with status 500`,
  );
  expect(a.asked).toHaveLength(1);
});

test("an address that is none is named", async () => {
  await expect(askToNotify(["a b"], { clock: new FakeClock() })).rejects.toThrow(
    "a b is not the address of a swarm listener",
  );
});

test("an address without a port means 8080", async () => {
  const asked = askToNotify(["127.0.0.99"], { clock: new FakeClock() });
  await expect(asked).rejects.toThrow("connect ECONNREFUSED 127.0.0.99:8080");
});
