import { Agent, request } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { Cluster } from "@skep/testkit";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { testCertificate } from "../packages/proxy/src/certificates/test-certificates.ts";
import { Clients } from "./clients.ts";
import { eventually } from "./cluster-helpers.ts";
import { Load, type LoadResult } from "./loads.ts";
import { clusterProblem, Operator, quickUpdates } from "./operator.ts";

// The chapter's reverse proxy on three nodes: requests and labels make its routes, on every replica.

/** A manager's API as the proxy is given it: the folder, since the socket in it is another one after a restart of skepd. */
const manager = [
  "--mount",
  "type=bind,source=/run/skep,target=/run/skep",
  "--env",
  "DF_DOCKER_HOST=unix:///run/skep/docker.sock",
];
const ports = [80, 443, 8080].flatMap((port) => ["--publish", `${port}:${port}`]);
/** nginx answers what it has begun, then ends. */
const graceful = ["--stop-signal", "SIGQUIT", "--stop-grace-period", "10s"];
const update = ["service", "update", "--detach", "--no-resolve-image"] as const;

describe.skipIf(clusterProblem())(`the reverse proxy of three nodes ${clusterProblem() ?? ""}`, () => {
  let cluster: Cluster;
  let swarm: Operator;
  let clients: Clients;

  beforeAll(async () => {
    cluster = await Cluster.create();
    await cluster.importTestImage("web:local", "web");
    await cluster.importTestImage("skep/proxy:latest", "proxy");
    await cluster.formSwarm();
    swarm = new Operator(cluster);
    clients = new Clients(cluster);
    for (const network of ["go-demo", "proxy"]) await swarm.docker("network", "create", "-d", "overlay", network);
    const both = ["--network", "go-demo", "--network", "proxy"];
    await swarm.start("go-demo-db", 1, ["--network", "go-demo"], ["web:local", "nginx"]);
    await swarm.start("go-demo", 5, [...both, ...graceful], ["web:local", "nginx"]);
    const proxy = ["--network", "proxy", ...ports, ...manager, ...quickUpdates, "--stop-grace-period", "10s"];
    const flags = ["--detach", "--no-resolve-image", "--name", "proxy", ...proxy];
    await swarm.docker("service", "create", ...flags, "skep/proxy:latest");
    await swarm.untilRunning("proxy", 1);
  });

  afterAll(async () => {
    await cluster?.[Symbol.asyncDispose]();
    expect(await cluster?.leftovers()).toEqual([]);
  });

  const addressOf = (node: string) => cluster.machine(node).address;
  const url = (node: string, path: string, port = 80) => `http://${addressOf(node)}:${port}${path}`;
  const get = async (target: string) => {
    const response = await fetch(target, { signal: AbortSignal.timeout(10_000), headers: { connection: "close" } });
    return { status: response.status, text: await response.text() };
  };
  const control = (node: string, call: string) => get(url(node, `/v1/docker-flow-proxy/${call}`, 8080));
  const load = (node: string, perSecond: number) =>
    Load.start(clients, "outside", addressOf(node), 80, perSecond, "/demo/hello");

  async function result(what: string, running: Load): Promise<LoadResult> {
    const { tasks, ...rest } = await running.end();
    console.info(what, JSON.stringify(rest));
    return { tasks, ...rest };
  }

  test("without a route there is a page that says so", async () => {
    const { status, text } = await get(url("node-2", "/demo/hello"));
    expect(status).toBe(503);
    expect(text).toContain("there is no route for this request");
  });

  test("one request, to any node, routes a path on every node", async () => {
    const query = "serviceName=go-demo&servicePath=/demo&port=80&distribute=true";
    const { status, text } = await control("node-3", `reconfigure?${query}`);
    expect(JSON.parse(text)).toMatchObject({ Status: "OK", ServiceName: "go-demo" });
    expect(status).toBe(200);
    for (const node of cluster.names) {
      const answer = await get(url(node, "/demo/hello?a=b"));
      expect(answer.text).toMatch(/^\S+ \S+ \/demo\/hello\?a=b\n$/);
      expect(answer.status).toBe(200);
    }
    expect((await get(url("node-1", "/other"))).status).toBe(503);
  });

  test("the config reads as the chapter shows it", async () => {
    const { text } = await control("node-1", "config");
    const lines = text.split("\n").map((line) => line.trim());
    const follow = (...wanted: string[]) =>
      expect(lines.slice(lines.indexOf(wanted[0] ?? ""))).toEqual(expect.arrayContaining(wanted));
    follow("frontend services", "bind *:80", "bind *:443", "mode http");
    follow("acl url_go-demo80 path_beg /demo", "use_backend go-demo-be80 if url_go-demo80");
    const backend = lines.indexOf("backend go-demo-be80");
    expect(lines.slice(backend, backend + 3)).toEqual([
      "backend go-demo-be80",
      "mode http",
      "server go-demo go-demo:80",
    ]);
  });

  test("1,000 requests on one kept connection reach the five tasks 200 times each", async () => {
    await eventually(async () => {
      const { text } = await control("node-1", "config");
      expect(text.match(/server go-demo\.\S+ /g) ?? []).toHaveLength(5);
    });
    const answers = await keepAlive(addressOf("node-2"), "/demo/hello", 1000);
    const shares = Object.values(Object.groupBy(answers, (line) => line.split(" ")[0] ?? "")).map(
      (each) => each?.length,
    );
    expect(shares.toSorted()).toEqual([200, 200, 200, 200, 200]);
  });

  test("the service sees the client's own address, whatever the client says it is", async () => {
    const response = await fetch(url("node-3", "/demo/who"), { headers: { "X-Forwarded-For": "198.51.100.1" } });
    expect((await response.text()).split(" ")[1]).toBe(clients.outsideAddress);
  });

  test("more replicas of the proxy have every route before they get a request, and fewer lose none", async () => {
    const running = await load("node-1", 100);
    for (const replicas of [2, 5, 2]) {
      await swarm.docker(...update, "--replicas", `${replicas}`, "proxy");
      await swarm.untilRunning("proxy", replicas);
      await sleep(1500);
    }
    const { failures, tasks } = await result("proxy scaled", running);
    expect(failures).toEqual({});
    expect(Object.keys(tasks)).toHaveLength(5);
  });

  test("a route that comes while there are several replicas is on all of them", async () => {
    const query = "serviceName=go-demo-api&servicePath=/demo-api&port=80&outboundHostname=go-demo&distribute=true";
    expect((await control("node-2", `reconfigure?${query}`)).status).toBe(200);
    const codes = await Promise.all(
      Array.from({ length: 12 }, async () => (await get(url("node-1", "/demo-api"))).status),
    );
    expect(new Set(codes)).toEqual(new Set([200]));
    expect((await control("node-2", "remove?serviceName=go-demo-api&distribute=true")).status).toBe(200);
    const after = await Promise.all(
      Array.from({ length: 12 }, async () => (await get(url("node-1", "/not-demo-api"))).status),
    );
    expect(new Set(after)).toEqual(new Set([503]));
  });

  test("statistics of all replicas are told by any of them", async () => {
    const { status, text } = await control("node-3", "metrics?distribute=true");
    expect(status).toBe(200);
    expect(text.match(/^services,FRONTEND,/gm)).toHaveLength(2);
  });

  test("a certificate that is put on all replicas is on one that comes later too", async () => {
    const { pem } = testCertificate({ names: ["late.test"] });
    const target = url("node-2", "/v1/docker-flow-proxy/cert?certName=late.pem&distribute=true", 8080);
    const put = await fetch(target, { method: "PUT", body: pem, headers: { connection: "close" } });
    expect([put.status, JSON.parse(await put.text()).Status]).toEqual([200, "OK"]);
    await swarm.docker(...update, "--replicas", "3", "proxy");
    await swarm.untilRunning("proxy", 3);
    // at once where one of the others sees the swarm, else when DNS knows it
    await eventually(async () => {
      for (const { node, id } of await swarm.running("proxy"))
        expect((await cluster.engine(node, "exec", id, "cat", "/certs/late.pem")).stdout, node).toBe(pem);
    });
    await swarm.docker(...update, "--replicas", "2", "proxy");
    await eventually(async () => expect(await swarm.running("proxy")).toHaveLength(2)); // the third has ended, too
  });

  test("a replica that is killed costs no request but those it was at, and comes back with its routes", async () => {
    const running = await load("node-1", 100);
    const [victim] = await swarm.running("proxy");
    await cluster.engine(victim?.node ?? "", "kill", victim?.id ?? "");
    await sleep(1000);
    await swarm.untilRunning("proxy", 2);
    await sleep(1000);
    const { failures, done } = await result("replica killed", running);
    const failed = Object.values(failures).reduce((sum, { count }) => sum + count, 0);
    expect(done).toBeGreaterThan(300);
    expect(failed).toBeLessThan(15);
    for (let i = 0; i < 10; i++) expect((await get(url("node-2", "/demo/hello"))).status).toBe(200);
  });

  test("labels of a service are routes, on every replica, for as long as they are there", async () => {
    await swarm.docker(...update, "--replicas", "5", "proxy"); // at least one on the manager, whom the others follow
    await swarm.untilRunning("proxy", 5);
    const labels = ["com.df.notify=true", "com.df.servicePath=/demo/labelled", "com.df.port=80"];
    const flags = [
      "--network",
      "proxy",
      "--label",
      "com.df.aclName=before-go-demo",
      ...labels.flatMap((label) => ["--label", label]),
    ];
    await swarm.start("labelled", 2, [...flags, ...graceful], ["web:local", "nginx"]);
    /** Which services answer, over all replicas of the proxy. */
    const taskOf = async (path: string) => {
      const containers = await swarm.running("labelled");
      const answers = await Promise.all(Array.from({ length: 20 }, () => get(url("node-3", path))));
      const own = new Set(containers.map(({ id }) => id.slice(0, 12)));
      return [...new Set(answers.map(({ text }) => (own.has(text.split(" ")[0] ?? "") ? "labelled" : "another")))];
    };
    const routed = async () =>
      JSON.parse((await control("node-1", "services")).text).Services as { ServiceName: string }[];
    await eventually(async () => expect((await routed()).map(({ ServiceName }) => ServiceName)).toContain("labelled"));
    await eventually(async () => expect(await taskOf("/demo/labelled")).toEqual(["labelled"]));
    const refused = await control("node-1", "remove?serviceName=labelled");
    expect(refused.status).toBe(409);
    expect(JSON.parse(refused.text).Message).toContain("docker service update --label-rm com.df.notify labelled");
    await swarm.docker(...update, "--label-rm", "com.df.notify", "labelled");
    await eventually(async () =>
      expect((await routed()).map(({ ServiceName }) => ServiceName)).not.toContain("labelled"),
    );
  });

  test("a rolling update of the service and its scaling cost no request", async () => {
    const running = await load("node-2", 200);
    await swarm.docker(
      ...update,
      "--env-add",
      "N=1",
      "--update-parallelism",
      "1",
      "--update-order",
      "start-first",
      "go-demo",
    );
    await swarm.untilUpdate("go-demo", "completed", 60_000);
    for (const replicas of [2, 5]) {
      await swarm.docker(...update, "--replicas", `${replicas}`, "go-demo");
      await swarm.untilRunning("go-demo", replicas);
      await sleep(1000);
    }
    expect((await result("service updated and scaled", running)).failures).toEqual({});
  });

  test("a service without instances is answered for at once, with a page, and is back with its first task", async () => {
    await swarm.docker(...update, "--replicas", "0", "go-demo");
    await eventually(async () => {
      const since = performance.now();
      const { status, text } = await get(url("node-2", "/demo/hello"));
      expect([status, performance.now() - since < 500, text.includes("no running instance")]).toEqual([
        503,
        true,
        true,
      ]);
    }, 30_000);
    await swarm.docker(...update, "--replicas", "5", "go-demo");
    await swarm.untilRunning("go-demo", 5);
    await eventually(async () => expect((await get(url("node-2", "/demo/hello"))).status).toBe(200));
  });

  test("bad requests are refused with the reason, and change nothing", async () => {
    // one replica has been told by the request itself, the others by that one
    const services = async () =>
      (await control("node-1", "config?type=json")).text.replaceAll(/"Distribute":(true|false)/g, "");
    const before = await services();
    const bad = {
      reconfigure: "serviceName parameter is mandatory.",
      "reconfigure?serviceName=a": "When using reqMode http, servicePath or serviceDomain are mandatory",
      "reconfigure?serviceName=a&servicePath=/a":
        'When MODE is set to "service" or "swarm", the port query is mandatory',
      "reconfigure?serviceName=a&servicePath=/a&port=x": "port",
      "reconfigure?serviceName=go-demo&servicePath=(&pathType=path_reg&port=80": "regex",
      remove: "The serviceName query is mandatory",
    };
    for (const [call, message] of Object.entries(bad)) {
      const { status, text } = await control("node-1", call);
      expect([400, 409]).toContain(status);
      expect(JSON.parse(text).Message).toContain(message);
    }
    expect((await get(url("node-1", "/demo/hello"))).status).toBe(200);
    expect(await services()).toBe(before);
  });

  test("what is removed is gone on every node", async () => {
    expect((await control("node-1", "remove?serviceName=go-demo&distribute=true")).status).toBe(200);
    for (const node of cluster.names) expect((await get(url(node, "/demo/hello"))).status).toBe(503);
  });

  test("the database is reached from its own network only", async () => {
    const [proxy] = await swarm.running("proxy");
    const from = { node: proxy?.node ?? "", container: proxy?.id ?? "" };
    const answers = await clients.probe(from, ["tcp go-demo-db 80"]);
    expect(answers.every((answer) => "error" in answer)).toBe(true);
  });
});

/** The bodies of so many requests, one after another, on one connection. */
async function keepAlive(host: string, path: string, count: number): Promise<string[]> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const bodies: string[] = [];
  for (let i = 0; i < count; i++) {
    bodies.push(
      await new Promise((resolve, reject) => {
        const asked = request({ host, path, agent }, (response) => {
          let body = "";
          response
            .setEncoding("utf8")
            .on("data", (text) => (body += text))
            .on("end", () => resolve(body));
        });
        asked.on("error", reject).end();
      }),
    );
  }
  agent.destroy();
  return bodies;
}
