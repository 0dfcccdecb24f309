import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { addRoute, upstreamRoute } from "./proxy-calls.ts";
import { ProxyScene } from "./proxy-scene.ts";

// What the original's integration tests covered on a live swarm, in the order of docker-flow-proxy.md section 8, without what
// needs a second host.

const isRoot = process.getuid?.() === 0;

describe.skipIf(!isRoot)(`routes, as requests meet them${isRoot ? "" : ": skipped, it needs root"}`, () => {
  let scene: ProxyScene;

  beforeAll(async () => {
    scene = await ProxyScene.start({ STATS_USER: "none", STATS_PASS: "none", TERMINATE_ON_RELOAD: "true" });
  }, 60_000);

  afterAll(async () => {
    await scene?.[Symbol.asyncDispose]();
  }, 30_000);

  const add = (name: string, port: number, more: Readonly<Record<string, string>> = {}) =>
    addRoute(scene, name, port, more);
  const portOf = async (path: string, ...flags: string[]) => (await scene.get(path, ...flags)).port;
  const statusOf = async (path: string, ...flags: string[]) => (await scene.get(path, ...flags)).status;
  const urlOf = async (path: string) => (await scene.get(path)).asked?.url;

  test("a path leads to its service, below it too, and no other path does", async () => {
    await add("demo", 9001);
    expect([await portOf("/demo"), await portOf("/demo/hello")]).toEqual([9001, 9001]);
    expect(await statusOf("/dem")).toBe(503);
  });

  test("an excluded path is nobody's", async () => {
    await add("parts", 9001, { servicePathExclude: "/parts/secret" });
    expect([await statusOf("/parts"), await statusOf("/parts/secret/x")]).toEqual([200, 503]);
  });

  test("a domain leads to its service, with the port in it or not", async () => {
    await add("shop", 9002, { serviceDomain: "shop.test,www.shop.test", servicePath: "/" });
    const hosts = ["shop.test", "www.shop.test", "shop.test:80", "other.test"];
    const ports = await Promise.all(hosts.map((host) => portOf("/", "-H", `Host: ${host}`)));
    expect(ports).toEqual([9002, 9002, 9002, undefined]);
  });

  test("an old domain redirects to the new one", async () => {
    await add("moved", 9001, { redirectFromDomain: "old.test", serviceDomain: "new.test" });
    const { status, headers } = await scene.get("/moved?a=1", "-H", "Host: old.test");
    expect([status, headers.location]).toEqual([301, "http://new.test/moved?a=1"]);
  });

  test("the config is to be had as text and as JSON", async () => {
    const [text, json] = [await scene.call("config"), await scene.call("config?type=json")];
    expect(text.text).toContain(`pidfile ${scene.file("run/haproxy.pid")}`);
    expect(json.text).toMatch(/^\{"demo":/);
    expect(json.json.demo.ServiceDest[0]).toMatchObject({ Port: "9001", ServicePath: ["/demo"] });
  });

  test("answers are compressed for one service alone, or for all", async () => {
    const encoding = async (of: ProxyScene, path: string) =>
      (await of.get(path, "-o", "/dev/null", "-D", "-", "-H", "Accept-Encoding: gzip")).headers["content-encoding"];
    expect(await encoding(scene, "/demo")).toBeUndefined();
    await add("packed", 9001, { compressionAlgo: "gzip", compressionType: "application/json" });
    expect(await encoding(scene, "/packed")).toBe("gzip");
    await using all = await ProxyScene.start({ COMPRESSION_ALGO: "gzip", COMPRESSION_TYPE: "application/json" });
    await addRoute(all, "demo", 9001);
    expect(await encoding(all, "/demo")).toBe("gzip");
  });

  test("with TERMINATE_ON_RELOAD one worker is left after three reconfigures", async () => {
    for (const name of ["first", "second", "third"]) await add(name, 9001);
    const processes = async () => (await scene.haproxyPids()).length;
    await expect.poll(processes, { timeout: 5000 }).toBe(2); // the master, and its worker
  });

  test("a service is chosen by one header, or by two", async () => {
    await add("one-header", 9001, { servicePath: "/h", serviceHeader: "X-Version:3" });
    await add("a-two-headers", 9002, { servicePath: "/h", serviceHeader: "X-Version:3,name:Viktor" });
    const one = ["-H", "X-Version: 3"];
    expect(await portOf("/h", ...one, "-H", "name: Viktor")).toBe(9002);
    expect(await portOf("/h", ...one)).toBe(9001);
    expect(await statusOf("/h", "-H", "X-Version: 4")).toBe(503);
    expect(await statusOf("/h")).toBe(503);
  });

  test("headers are added to answers, quotes and semicolons as they are", async () => {
    const policy = `default-src 'self'; img-src "data:"`;
    await add("headers", 9001, {
      addResHeader: "X-Added one",
      setResHeader: `X-Policy "${policy.replaceAll('"', '\\"')}"`,
    });
    expect((await scene.get("/headers")).headers).toMatchObject({ "x-added": "one", "x-policy": policy });
  });

  test("a service is chosen by the user agent, and the next destination takes the others", async () => {
    await add("agents", 9001, {
      "servicePath.1": "/agents",
      "port.1": "9001",
      "userAgent.1": "amiga,amstrad",
      "servicePath.2": "/agents",
      "port.2": "9002",
    });
    expect(await portOf("/agents", "-A", "My Amiga 500")).toBe(9001);
    expect(await portOf("/agents", "-A", "Atari")).toBe(9002);
    await add("amiga", 9001, { userAgent: "amiga" });
    expect(await statusOf("/amiga", "-A", "Atari")).toBe(503);
  });

  test("a service that wants client certificates refuses plain HTTP", async () => {
    await add("verified", 9001, { verifyClientSsl: "true" });
    expect(await statusOf("/verified")).toBe(403);
  });

  test("the statistics page is there for everybody with user and password none", async () => {
    const { status, text } = await scene.get("/admin?stats");
    expect(status).toBe(200);
    expect(text).toContain("Statistics Report for HAProxy");
  });

  test("a removed service is gone", async () => {
    await add("short", 9001);
    expect(await scene.call("remove?serviceName=short")).toMatchObject({ status: 200 });
    expect(await statusOf("/short")).toBe(503);
    expect(await scene.config()).not.toContain("short");
  });

  test("paths are rewritten: by alternatives, by pairs, to nothing", async () => {
    await add("alt", 9001, { reqPathSearch: "/(alt|old)/", reqPathReplace: "/new/" });
    await add("pairs", 9001, { reqPathSearchReplace: "/pairs/,/p/:/x/,/y/" });
    await add("empty", 9001, { reqPathSearch: "/empty", reqPathReplace: "" });
    await add("only-search", 9001, { reqPathSearch: "/only-search" });
    expect([await urlOf("/alt/1"), await urlOf("/pairs/x/"), await urlOf("/empty/1?q=/empty")]).toEqual([
      "/new/1",
      "/p/y/",
      "/1?q=/empty",
    ]);
    expect(await urlOf("/only-search/1")).toBe("/1");
  });

  test("users and passwords are asked for, except where a destination says not", async () => {
    await add("guarded", 9001, {
      users: "ann:secret",
      "servicePath.1": "/guarded/open",
      "port.1": "9001",
      "ignoreAuthorization.1": "true",
      "servicePath.2": "/guarded",
      "port.2": "9002",
    });
    const codes = [await statusOf("/guarded"), await statusOf("/guarded", "-u", "ann:wrong")];
    expect(codes).toEqual([401, 401]);
    const { status, asked } = await scene.get("/guarded", "-u", "ann:secret");
    expect([status, asked?.headers.authorization]).toEqual([200, undefined]);
    expect(await portOf("/guarded/open")).toBe(9001);
  });

  test("a service of the environment is there from the start", async () => {
    await using defined = await ProxyScene.start({
      DFP_SERVICE_1_SERVICE_NAME: "env",
      DFP_SERVICE_1_SERVICE_PATH: "/env",
      DFP_SERVICE_1_PORT: "9004",
      DFP_SERVICE_1_OUTBOUND_HOSTNAME: "127.0.0.1",
    });
    expect((await defined.get("/env")).port).toBe(9004);
  });

  test("only listed methods pass, and denied ones do not", async () => {
    await add("allowed", 9001, { allowedMethods: "GET,DELETE" });
    await add("denied", 9001, { deniedMethods: "PUT,POST" });
    const codes = (path: string) => Promise.all(["GET", "DELETE", "PUT"].map((method) => statusOf(path, "-X", method)));
    expect([await codes("/allowed"), await codes("/denied")]).toEqual([
      [200, 200, 403],
      [200, 200, 403],
    ]);
  });

  test("a service may refuse plain HTTP", async () => {
    await add("no-http", 9001, { denyHttp: "true" });
    expect(await statusOf("/no-http")).toBe(403);
  });

  test("HAProxy's own CSV has the frontend, and a wrong parameter changes nothing", async () => {
    expect((await scene.call("metrics")).text).toContain("services,FRONTEND,");
    const before = await scene.config();
    expect((await scene.reconfigure(upstreamRoute("wrong", 70_000))).status).toBe(400);
    expect(await scene.config()).toBe(before);
  });

  test("a default backend takes what is nobody's", async () => {
    await add("rest", 9003, { isDefaultBackend: "true" });
    expect([await portOf("/nowhere"), await portOf("/demo")]).toEqual([9003, 9001]);
  });
});
