import { rename, rm, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { addRoute, metric, sendBytes, until, upstreamRoute } from "./proxy-calls.ts";
import { ProxyScene } from "./proxy-scene.ts";

// What an operator sees and sets: metrics, logs, who may ask the API, where clients are, what is refused.

const isRoot = process.getuid?.() === 0;
const bin = fileURLToPath(new URL("../../../bin/skep-proxy", import.meta.url));

describe.skipIf(!isRoot)(`operating the proxy${isRoot ? "" : ": skipped, it needs root"}`, () => {
  let scene: ProxyScene;

  beforeAll(async () => {
    scene = await ProxyScene.start({
      STATS_USER: "ann",
      STATS_PASS: "secret",
      ACCESS_LOG: "true",
      TIMEOUT_HTTP_REQUEST: "1",
    });
    await addRoute(scene, "demo", 9001);
  }, 60_000);

  afterAll(async () => {
    await scene?.[Symbol.asyncDispose]();
  }, 30_000);

  const forwardedFor = async (of: ProxyScene, ...flags: string[]) =>
    (await of.get("/demo", ...flags)).asked?.headers["x-forwarded-for"];

  test("metrics have the original's names, and the proxy's own", async () => {
    const served = async () =>
      (await metric(scene, 'haproxy_backend_http_responses_total{backend="demo-be9001",code="2xx"}')) ?? 0;
    const before = await served();
    for (let i = 0; i < 3; i++) await scene.get("/demo");
    await until(async () => (await served()) - before === 3);
    expect(await metric(scene, "haproxy_up")).toBe(1);
    expect(await metric(scene, 'haproxy_backend_up{backend="demo-be9001"}')).toBe(1);
    expect(await metric(scene, 'haproxy_server_up{backend="demo-be9001",server="demo"}')).toBe(1);
    expect(await metric(scene, 'haproxy_frontend_http_requests_total{frontend="services"}')).toBeGreaterThan(0);
    expect(await metric(scene, 'skep_proxy_services{state="live"}')).toBe(1);
    expect(await metric(scene, 'skep_proxy_changes_total{result="applied"}')).toBeGreaterThan(0);
    const { headers } = await scene.get("http://127.0.0.1:8080/metrics");
    expect(headers["content-type"]).toContain("version=0.0.4");
  });

  test("HAProxy's CSV and a summary of what is going on are to be had", async () => {
    const csv = await scene.call("metrics");
    expect([csv.status, csv.text]).toEqual([200, expect.stringContaining("services,FRONTEND,")]);
    await scene.call("stats");
    const { status, json } = await scene.call("stats");
    expect([status, Object.keys(json)]).toEqual([200, ["generation", "rates"]]);
    expect(JSON.stringify(json.rates)).toContain("demo-be9001");
  });

  test("statistics are to be had right after a reload too", async () => {
    const found: boolean[] = [];
    for (let i = 0; i < 8; i++) {
      await addRoute(scene, `reload-${i % 2}`, 9001, { timeoutServer: `${20 + i}` });
      const [up, csv] = await Promise.all([metric(scene, "haproxy_up"), scene.call("metrics")]);
      found.push(up === 1 && csv.text.includes("services,FRONTEND,"));
    }
    expect(found).toEqual(Array(8).fill(true));
  });

  const parsed = (line: string) => JSON.parse(line);

  test("each request is a line of JSON, with its times", async () => {
    await scene.get("/demo/slow?x=1", "-H", 'Host: a"b.test');
    await scene.get('/demo/a\\/"x"\\\\/c');
    const entries = () =>
      scene.said
        .split("\n")
        .filter((line) => line.startsWith('{"t":'))
        .map(parsed);
    const slow = () => entries().filter(({ p }) => p === "/demo/slow");
    await until(async () => slow().length > 0);
    expect(slow()).toHaveLength(1);
    const [entry] = slow();
    expect(entry).toMatchObject({
      c: "127.0.0.1",
      fe: "services",
      be: "demo-be9001",
      m: "GET",
      h: 'a"b.test',
      st: 200,
    });
    expect(entry.Tr).toBeGreaterThanOrEqual(450);
    expect(entry.Ta).toBeGreaterThanOrEqual(entry.Tr);
    const odd = () => entries().find(({ p }) => p.startsWith("/demo/a"));
    await until(async () => odd() !== undefined);
    expect(odd().p).toBe('/demo/a\\/"x"\\\\/c');
    expect(scene.said).toContain('"p":"/demo/slow"'); // without backslashes
  });

  test("the statistics page asks for user and password, and may have a port of its own", async () => {
    const code = async (of: ProxyScene, url: string, ...flags: string[]) => (await of.get(url, ...flags)).status;
    expect([await code(scene, "/admin?stats"), await code(scene, "/admin?stats", "-u", "ann:secret")]).toEqual([
      401, 200,
    ]);
    await using own = await ProxyScene.start({ STATS_USER: "none", STATS_PASS: "none", STATS_PORT: "1936" });
    expect(await code(own, "http://127.0.0.1:1936/admin?stats")).toBe(200);
    expect(await code(own, "/admin?stats")).toBe(503);
  });

  test("an X-Forwarded-For of a client is dropped, one of a trusted proxy is kept", async () => {
    const spoofed = ["-H", "X-Forwarded-For: 192.0.2.66"];
    expect(await forwardedFor(scene, ...spoofed)).toBe("127.0.0.1");
    await using trusting = await ProxyScene.start({ TRUSTED_PROXIES: "127.0.0.7" });
    await addRoute(trusting, "demo", 9001);
    expect(await forwardedFor(trusting, ...spoofed)).toBe("127.0.0.1");
    expect(await forwardedFor(trusting, ...spoofed, "--interface", "127.0.0.7")).toBe("192.0.2.66, 127.0.0.7");
  });

  test("the PROXY protocol tells where a client is, on the ports where it is spoken", async () => {
    await using proxied = await ProxyScene.start({ ACCEPT_PROXY_PORTS: "80" });
    await addRoute(proxied, "demo", 9001);
    expect(await forwardedFor(proxied, "--haproxy-protocol")).toBe("127.0.0.1");
    const request = "PROXY TCP4 192.0.2.7 192.0.2.1 4711 80\\r\\nGET /demo HTTP/1.0\\r\\n\\r\\n";
    expect(await sendBytes(proxied, request)).toContain('"x-forwarded-for":"192.0.2.7"');
    expect((await proxied.get("/demo")).status).toBe(0); // without it nothing is answered
  });

  test("API_NETWORKS and API_TOKEN say who may ask the API", async () => {
    await using closed = await ProxyScene.start(
      { API_NETWORKS: "10.9.0.0/24", API_TOKEN: "t0ken" },
      async (prepared) => {
        for (const address of ["10.8.0.1/24", "10.9.0.1/24"])
          await prepared.run("ip", "address", "add", address, "dev", "lo");
      },
    );
    const code = async (path: string, address: string, ...flags: string[]) =>
      (await closed.get(`http://${address}:8080/v1/docker-flow-proxy/${path}`, ...flags)).status;
    const addresses = ["10.9.0.1", "127.0.0.1", "10.8.0.1"]; // the second for health checks
    expect(await Promise.all(addresses.map((address) => code("ping", address)))).toEqual([200, 200, 0]);
    const calls = ["config", "services", "metrics", "certs", "remove?serviceName=x", "reload"];
    expect(await Promise.all(calls.map((call) => code(call, "10.9.0.1")))).toEqual(calls.map(() => 401));
    expect(await code("config", "10.9.0.1", "-H", "Authorization: Bearer t0ken")).toBe(200);
    expect(await code("config", "10.9.0.1", "-H", "Authorization: Bearer wrong")).toBe(401);
  });

  test("a name that has no address is refused when addresses are validated", async () => {
    await using strict = await ProxyScene.start({ SKIP_ADDRESS_VALIDATION: "false" });
    const before = await strict.config();
    const { status, json } = await strict.reconfigure({ serviceName: "nobody.invalid", servicePath: "/x", port: "80" });
    expect([status, json.Status]).toEqual([500, "NOK"]);
    expect(json.Message).toContain("nobody.invalid");
    expect(await strict.config()).toBe(before);
    await addRoute(strict, "demo", 9001);
  });

  test("with FILTER_PROXY_INSTANCE_NAME services for other instances are known, and not live", async () => {
    const names = { mine: "a", capitals: "A", theirs: "b", "nobody-s": "" };
    const liveOf = async (env: Readonly<Record<string, string>>) => {
      await using one = await ProxyScene.start({ PROXY_INSTANCE_NAME: "a", ...env });
      for (const [name, proxyInstanceName] of Object.entries(names))
        await addRoute(one, name, 9001, { proxyInstanceName });
      const ports = await Promise.all(Object.keys(names).map(async (name) => (await one.get(`/${name}`)).port));
      const { Services } = (await one.call("services")).json;
      const states = Services.map((each: { ServiceName: string; State: string; Reason: string }) => [
        each.ServiceName,
        each.State,
        each.Reason,
      ]);
      return { ports, states };
    };
    const reason = "it is for another instance of the proxy";
    expect(await liveOf({ FILTER_PROXY_INSTANCE_NAME: "true" })).toEqual({
      ports: [9001, 9001, undefined, undefined],
      states: [
        ["capitals", "live", ""],
        ["mine", "live", ""],
        ["nobody-s", "idle", reason],
        ["theirs", "idle", reason],
      ],
    });
    const all = await liveOf({});
    expect(all.ports).toEqual([9001, 9001, 9001, 9001]);
    expect(all.states.map(([, state]: string[]) => state)).toEqual(["live", "live", "live", "live"]);
  });

  test("a folder that cannot be written to is told as JSON, and the routes stay; then it goes on", async () => {
    const cfg = scene.file("cfg");
    await rename(cfg, `${cfg}.away`);
    await writeFile(cfg, "in its place");
    const { status, type, json } = await scene.reconfigure(upstreamRoute("unwritten", 9002));
    expect([status, type, json.Status]).toEqual([500, "application/json", "NOK"]);
    expect(json.Message).toMatch(
      /^cannot write haproxy\.cfg\S* in \S+cfg: ENOTDIR: not a directory; give the proxy a folder/,
    );
    expect((await scene.get("/demo")).port).toBe(9001);
    await rm(cfg);
    await rename(`${cfg}.away`, cfg);
    await addRoute(scene, "unwritten", 9002);
    expect((await scene.get("/unwritten")).port).toBe(9002);
  });

  test("--check tells good settings from bad ones, and says what is wrong", async () => {
    const check = (...env: string[]) =>
      scene.run(
        "env",
        `CONFIGS_PATH=${scene.file("check")}`,
        `CERTS_PATH=${scene.file("none")}`,
        ...env,
        bin,
        "--check",
      );
    expect(await check()).toMatchObject({ code: 0, stdout: "skep-proxy: the configuration is valid\n" });
    const bad = await check("PORT=http");
    expect([bad.code, bad.stderr]).toEqual([
      1,
      'skep-proxy: PORT is "http", but must be a whole number from 1 to 65535\n',
    ]);
    const refused = await check("EXTRA_GLOBAL=no-such-keyword 1");
    expect([refused.code, refused.stderr]).toEqual([1, expect.stringContaining("no-such-keyword")]);
  });

  test("a service without an instance has a page that says so", async () => {
    await addRoute(scene, "nobody", 9099);
    const { status, text, headers } = await scene.get("/nobody");
    expect([status, headers["content-type"]]).toEqual([503, "text/html; charset=utf-8"]);
    expect(text).toContain("the service has no running instance");
  });

  test("a request goes to another instance when the first does not answer", async () => {
    await addRoute(scene, "half", 9099, { discoveryType: "VIP", backendExtra: "server second 127.0.0.1:9002" });
    const answers = await Promise.all(Array.from({ length: 10 }, () => scene.get("/half")));
    expect(answers.map(({ port }) => port)).toEqual(Array(10).fill(9002));
    await until(
      async () => ((await metric(scene, 'haproxy_backend_redispatch_warnings_total{backend="half-be9099"}')) ?? 0) > 0,
    );
  });

  test("a client that does not finish its request is told so", async () => {
    const since = performance.now();
    expect(await sendBytes(scene, "GET /demo HTTP/1.1\\r\\nHost: x")).toMatch(/^HTTP\/1\.1 408 /);
    expect(performance.now() - since).toBeLessThan(4000);
  });

  test("headers that are too many, too long or missing are refused", async () => {
    const many = Array.from({ length: 150 }, (_, i) => ["-H", `X-${i}: y`]).flat();
    expect((await scene.get("/demo", ...many)).status).toBe(400);
    expect((await scene.get("/demo", "-H", `X-Long: ${"a".repeat(20_000)}`)).status).toBe(400);
    expect((await scene.get("/demo", "-H", "Host:")).status).toBe(400);
    expect(await scene.reconfigure(upstreamRoute("bad name", 9001))).toMatchObject({ status: 400 });
  });
});
