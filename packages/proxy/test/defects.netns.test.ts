import { readFile, writeFile } from "node:fs/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { testCertificate } from "../src/certificates/test-certificates.ts";
import { ProxyScene } from "./proxy-scene.ts";

// The defects of Docker Flow Proxy, in the order of docker-flow-proxy.md section 9: none of them is here. Those of its swarm
// listener (24, 25) are in src/sources.

const isRoot = process.getuid?.() === 0;

describe.skipIf(!isRoot)(`what Docker Flow Proxy did wrong${isRoot ? "" : ": skipped, it needs root"}`, () => {
  let scene: ProxyScene;

  beforeAll(async () => {
    scene = await ProxyScene.start();
  }, 60_000);

  afterAll(async () => {
    await scene?.[Symbol.asyncDispose]();
  }, 30_000);

  const route = (name: string, port: number, more: Readonly<Record<string, string>> = {}) =>
    scene.reconfigure({
      serviceName: name,
      servicePath: `/${name}`,
      port: `${port}`,
      outboundHostname: "127.0.0.1",
      ...more,
    });
  const ok = async (answer: Promise<{ status: number; text: string }>) =>
    expect(await answer).toMatchObject({ status: 200 });
  const portOf = async (path: string, ...flags: string[]) => (await scene.get(path, ...flags)).port;

  test("1: an update with an error leaves the working route alone", async () => {
    await ok(route("one", 9001));
    const bad = await route("one", 9002, { servicePath: "(", pathType: "path_reg" });
    expect(bad.status).toBe(400);
    expect(bad.json.Message).toContain("regex");
    expect(await portOf("/one")).toBe(9001);
  });

  test("2 and 5: parallel reconfigures all come to be, soon, and with few reloads", async () => {
    const before = await reloads();
    const since = performance.now();
    const names = Array.from({ length: 60 }, (_, i) => `parallel-${i}`);
    const answers = await Promise.all(names.map((name) => route(name, 9003)));
    const tookMs = performance.now() - since;
    expect(answers.filter(({ status }) => status !== 200)).toEqual([]);
    expect(await Promise.all(names.map((name) => portOf(`/${name}`)))).toEqual(names.map(() => 9003));
    expect((await reloads()) - before).toBeLessThan(30);
    expect(tookMs).toBeLessThan(20_000); // the original: 0.6 s and more for each
    await Promise.all(names.map((name) => scene.call(`remove?serviceName=${name}`)));
  }, 60_000);

  test("3: a service whose name does not resolve holds nobody up, and has a clear 503 until it does", async () => {
    const since = performance.now();
    await ok(scene.reconfigure({ serviceName: "nobody.invalid", servicePath: "/nobody", port: "80" }));
    expect(performance.now() - since).toBeLessThan(5000);
    expect((await scene.get("/nobody")).status).toBe(503);
    await ok(route("three", 9003));
    expect(await portOf("/three")).toBe(9003);
  });

  test("4: no request on a kept connection is broken by changes", async () => {
    const running = scene.run(
      "curl",
      "-s",
      "-o",
      "/dev/null",
      "-w",
      "%{http_code}\\n",
      "http://127.0.0.1/one?[1-1500]",
    );
    for (let i = 0; i < 12; i++) await ok(route("four", 9001 + (i % 3), { timeoutServer: `${20 + i}` }));
    const codes = (await running).stdout.trim().split("\n");
    expect(codes.filter((code) => code !== "200")).toEqual([]);
    expect(codes).toHaveLength(1500);
  }, 60_000);

  test("6: wildcard domains work beside exact ones, and still after other changes", async () => {
    await ok(route("six", 9001, { serviceDomain: "*.x.test,*.y.test,exact.test", servicePath: "/" }));
    await ok(route("other", 9002));
    const hosts = ["a.x.test", "b.y.test", "exact.test", "exact.test:80", "z.test"];
    const ports = await Promise.all(hosts.map((host) => portOf("/", "-H", `Host: ${host}`)));
    expect(ports).toEqual([9001, 9001, 9001, 9001, undefined]);
  });

  test("7: nothing is escaped as HTML on its way into the config", async () => {
    await ok(route("seven", 9001, { users: "u:p+q&r<s>", reqPathSearchReplace: "/seven/([a-z]+)&x,/\\1" }));
    expect((await scene.get("/seven/abc&x", "-u", "u:p+q&r<s>")).asked?.url).toBe("/abc");
    expect((await scene.get("/seven", "-u", "u:p")).status).toBe(401);
  });

  test("8: a service's own users take the place of the global ones", async () => {
    await using guarded = await ProxyScene.start({ USERS: "admin:global" });
    const own = {
      serviceName: "own",
      servicePath: "/own",
      port: "9001",
      outboundHostname: "127.0.0.1",
      users: "me:mine",
    };
    await ok(guarded.reconfigure(own));
    await ok(guarded.reconfigure({ ...own, serviceName: "all", servicePath: "/all", users: "" }));
    const codes = async (path: string) =>
      Promise.all(["me:mine", "admin:global"].map(async (user) => (await guarded.get(path, "-u", user)).status));
    expect([await codes("/own"), await codes("/all")]).toEqual([
      [200, 401],
      [401, 200],
    ]);
  }, 60_000);

  test("9: another aclName, or a remove without it, leaves nothing behind", async () => {
    await ok(route("nine", 9001, { aclName: "a-first" }));
    await ok(route("nine", 9001, { aclName: "a-second" }));
    expect(await scene.config()).not.toContain("a-first");
    await ok(scene.call("remove?serviceName=nine"));
    expect(await scene.config()).not.toContain("a-second");
  });

  test("10: sni works with an aclName of its own", async () => {
    const sni = {
      reqMode: "sni",
      srcPort: "8443",
      pathType: "req_ssl_sni -i",
      servicePath: "ten.test",
      aclName: "named",
    };
    await ok(route("ten", 9001, sni));
    expect(await scene.config()).toMatch(/use_backend named-be9001/);
    await ok(scene.call("remove?serviceName=ten"));
  });

  test("11: redirectFromDomain without a domain is refused, and cuts nothing", async () => {
    const { status, json } = await route("eleven", 9001, { redirectFromDomain: "old.test" });
    expect([status, json.Status]).toEqual([400, "NOK"]);
    await ok(route("eleven", 9001, { redirectFromDomain: "old.test", serviceDomain: "new.test" }));
    const { status: code, headers } = await scene.get("/eleven", "-H", "Host: old.test");
    expect([code, headers.location]).toEqual([301, "http://new.test/eleven"]);
  });

  test("12: replicas that are no number are refused; the route stays", async () => {
    await ok(route("twelve", 9001));
    expect((await route("twelve", 9001, { replicas: "three" })).status).toBe(400);
    expect(await portOf("/twelve")).toBe(9001);
  });

  test("13: reqMode is understood in capitals", async () => {
    await ok(route("thirteen", 9001, { reqMode: "HTTP" }));
    expect(await portOf("/thirteen")).toBe(9001);
  });

  test("14: a bad certificate is refused, and poisons nothing", async () => {
    await writeFile(scene.file("bad.pem"), "-----BEGIN CERTIFICATE-----\ngarbage\n-----END CERTIFICATE-----\n");
    const put = (file: string, name: string) => scene.call(`cert?certName=${name}`, "-T", scene.file(file));
    expect((await put("bad.pem", "bad.pem")).status).toBe(400);
    await writeFile(scene.file("good.pem"), testCertificate({ names: ["good.test"] }).pem);
    expect((await put("good.pem", "good.pem")).status).toBe(200);
    const tls = () => scene.get("https://good.test/one", "-k", "--resolve", "good.test:443:127.0.0.1");
    await until(async () => (await tls()).port === 9001);
    await ok(route("fourteen", 9001));
  });

  test("15: checkResolvers of a service takes effect", async () => {
    await ok(route("fifteen", 9001, { checkResolvers: "true" }));
    expect(await scene.config()).toMatch(/server fifteen 127\.0\.0\.1:9001 check resolvers docker/);
  });

  test("16: services with templates are services: they are listed, keep their built-in rules, and can be removed", async () => {
    const template = scene.file("cfg/tmpl/be.tmpl");
    await scene.run("mkdir", "-p", scene.file("cfg/tmpl"));
    await writeFile(template, "backend {{.AclName}}-be9002\n    mode http\n    server mine 127.0.0.1:9002\n");
    const made = await route("sixteen", 9002, { templateBePath: template });
    expect(made).toMatchObject({ status: 200 });
    expect(await portOf("/sixteen")).toBe(9002);
    expect((await scene.call("config?type=json")).text).toContain('"sixteen"');
    await ok(scene.call("remove?serviceName=sixteen"));
    expect(await scene.config()).not.toContain("sixteen");
  });

  test("17: without the statistics' socket requests have answers, and changes become live", async () => {
    await using broken = await ProxyScene.start();
    const change = (port: number) =>
      broken.reconfigure({ serviceName: "a", servicePath: "/a", port: `${port}`, outboundHostname: "127.0.0.1" });
    await ok(change(9001));
    await broken.run("rm", broken.file("run/haproxy.sock"));
    await ok(change(9002));
    await until(async () => (await broken.get("/a")).port === 9002);
  }, 60_000);

  test("18: the config ends with a newline", async () => {
    expect((await readFile(scene.file("cfg/haproxy.cfg"), "utf8")).endsWith("\n")).toBe(true);
  });

  test("19: JSON is called JSON, and what fails says so", async () => {
    const calls = ["reconfigure", "remove", "reload", "ping", "certs", "config?type=json", "services"];
    const types = await Promise.all(calls.map(async (call) => (await scene.call(call)).type));
    expect(new Set(types)).toEqual(new Set(["application/json"]));
    expect((await scene.call("remove")).status).toBe(400);
  });

  test("20: answers keep passwords and keys to themselves, and a token keeps strangers out", async () => {
    const answer = await route("twenty", 9001, { users: "me:topsecret" });
    expect(answer.text).not.toContain("topsecret");
    expect((await scene.call("config?type=json")).text).not.toContain("topsecret");
    expect((await scene.call("certs")).text).not.toContain("PRIVATE KEY-----\\nM");
    await ok(scene.call("remove?serviceName=twenty"));
    await using closed = await ProxyScene.start({ API_TOKEN: "t0ken" });
    expect((await closed.call("config")).status).toBe(401);
    expect((await closed.call("config", "-H", "Authorization: Bearer t0ken")).status).toBe(200);
  }, 60_000);

  test("21: destinations of the environment have their own index", async () => {
    await using defined = await ProxyScene.start({
      DFP_SERVICE_SERVICE_NAME: "env",
      DFP_SERVICE_OUTBOUND_HOSTNAME: "127.0.0.1",
      DFP_SERVICE_SERVICE_PATH_1: "/first",
      DFP_SERVICE_PORT_1: "9001",
      DFP_SERVICE_SERVICE_PATH_2: "/second",
      DFP_SERVICE_PORT_2: "9001",
    });
    expect(await Promise.all(["/first", "/second"].map(async (path) => (await defined.get(path)).port))).toEqual([
      9001, 9001,
    ]);
    expect(await defined.config()).toMatch(
      /acl url_env9001_1 path_beg \/first\n(.*\n)*.*acl url_env9001_2 path_beg \/second/,
    );
  }, 60_000);

  test("22: headers of several destinations are told apart", async () => {
    const destination = (i: number) => ({
      [`servicePath.${i}`]: "/twentytwo",
      [`port.${i}`]: `900${i}`,
      [`serviceHeader.${i}`]: `X-To:${i},X-More:yes`,
    });
    await ok(
      scene.reconfigure({
        serviceName: "twentytwo",
        outboundHostname: "127.0.0.1",
        ...destination(1),
        ...destination(2),
      }),
    );
    const to = (i: number) => portOf("/twentytwo", "-H", `X-To: ${i}`, "-H", "X-More: yes");
    expect([await to(1), await to(2), await portOf("/twentytwo")]).toEqual([9001, 9002, undefined]);
  });

  test("23: a replica that does not answer is told of within seconds", async () => {
    const since = performance.now();
    const { status, json } = await route("twentythree", 9001, { distribute: "true" });
    expect([status, json.Status]).toEqual([500, "NOK"]);
    expect(json.Message).toContain("tasks.proxy");
    expect(performance.now() - since).toBeLessThan(15_000);
    expect(await portOf("/twentythree")).toBe(9001);
  }, 30_000);

  const reloads = async (): Promise<number> => Number(/DF_GENERATION (\d+)/.exec(await scene.config())?.[1] ?? 0);

  async function until(holds: () => Promise<boolean>): Promise<void> {
    const deadline = Date.now() + 15_000;
    while (!(await holds())) if (Date.now() > deadline) throw new Error("it does not come to hold within 15 s");
  }
});
