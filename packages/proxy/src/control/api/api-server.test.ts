import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DomainError, silentLogger, systemClock } from "@skep/model";
import { afterEach, beforeEach, expect, test } from "vitest";
import { CertificateStore } from "../../certificates/index.ts";
import { testCertificate } from "../../certificates/test-certificates.ts";
import type { Rendered } from "../../render/rendered.ts";
import { defaultParseContext, parseService } from "../../service/index.ts";
import { readSettings } from "../../settings/index.ts";
import { Controller } from "../controller.ts";
import { RouteFeed } from "../route-feed.ts";
import { FakeHaproxy, pathOf } from "../test-haproxy.ts";
import { ApiServer } from "./api-server.ts";
import type { ApiParts } from "./parts.ts";

let folder: string;
let scene: Awaited<ReturnType<typeof start>>;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "skep-proxy-api-"));
  scene = await start();
});

afterEach(async () => {
  await scene.stop();
  await rm(folder, { recursive: true, force: true });
});

async function start(env: Record<string, string> = {}) {
  const haproxy = new FakeHaproxy();
  const shared: string[] = [];
  const counted: number[] = [];
  const failing = { replicas: false, summary: false, csv: false };
  const sources = { haveTold: false };
  const controller = new Controller({
    haproxy,
    render: (services) => ({ config: `${services.map(pathOf).join("\n")}\n` }) as Rendered,
    refuses: () => undefined,
    accepts: () => true,
    clock: systemClock,
    log: silentLogger,
    told: () => {},
    changed: () => feed.stir(),
  });
  const feed = new RouteFeed(controller, () => true);
  const settings = readSettings({ REDACT: "false", ...env }, () => undefined);
  const tell = (what: string) => {
    if (failing.replicas)
      throw new DomainError("internal", "Could not send distribute request to the following addresses: [10.0.0.3]");
    shared.push(what);
  };
  const parts: ApiParts = {
    controller,
    feed,
    settings: settings.control,
    nameStyle: "2016",
    parse: (query) => parseService(query, defaultParseContext),
    resolves: async (host) => host !== "unknown",
    check: async ({ config }) => (config.includes("bad") ? "unknown path" : undefined),
    replicas: {
      share: async (name, query) => tell(`${name} ${query ?? "removed"}`),
      keep: async (name) => tell(`${name} kept`),
      repeat: async ({ path }, body) => {
        tell(body ? `${path} with a body` : path);
        return ["# pxname\nother\n"];
      },
      includes: async () => false,
    },
    certificates: new CertificateStore(join(folder, "certs"), systemClock),
    notifyListeners: async () => tell("listeners"),
    hasBeenFilled: () => sources.haveTold,
    statistics: {
      count: (status) => void counted.push(status),
      csv: async () => {
        if (failing.csv) throw new Error("haproxy does not answer");
        return "# pxname\nservices\n";
      },
      prometheus: async () => "haproxy_up 1\n",
      summary: async () => {
        if (failing.summary) throw new Error("no summary");
        return { a: 1 };
      },
    },
    configPath: join(folder, "haproxy.cfg"),
    clock: systemClock,
    log: silentLogger,
  };
  void controller.begin();
  const api = await ApiServer.listen(parts, ["127.0.0.1"], 0);
  const at = `http://127.0.0.1:${api.ports[0]}`;
  const call = async (path: string, init: RequestInit = {}) => {
    const response = await fetch(`${at}${path}`, {
      redirect: "manual",
      ...init,
      headers: { connection: "close", ...init.headers },
    });
    return {
      status: response.status,
      type: response.headers.get("content-type"),
      text: await response.text(),
      response,
    };
  };
  const df = async (path: string, init?: RequestInit) => {
    const { text, ...rest } = await call(`/v1/docker-flow-proxy/${path}`, init);
    return { ...rest, text, json: text.startsWith("{") ? JSON.parse(text) : undefined };
  };
  return {
    ...{ haproxy, controller, shared, counted, failing, sources, parts, port: api.ports[0] ?? 0, call, df },
    stop: () => api[Symbol.asyncDispose](),
  };
}

const goDemo = "serviceName=go-demo&servicePath=/demo&port=8080";

test("a reconfigure answers with every field once the route is live", async () => {
  const { status, type, json } = await scene.df(`reconfigure?${goDemo}`);
  expect([status, type]).toEqual([200, "application/json"]);
  expect(json).toMatchObject({ Status: "OK", Message: "", ServiceName: "go-demo", Distribute: false, IsGlobal: true });
  expect(json.ServiceDest).toMatchObject([{ Port: "8080", ServicePath: ["/demo"], PathType: "path_beg" }]);
  expect(scene.haproxy.live).toEqual(["/demo"]);
  expect(scene.counted).toEqual([200]);
});

test("parameters are those of the query, whatever the method", async () => {
  for (const method of ["POST", "PUT", "DELETE"]) {
    const { status, json } = await scene.df(`reconfigure?serviceName=${method}&servicePath=/${method}&port=80`, {
      method,
      body: "servicePath=/body",
    });
    expect([status, json.ServiceDest[0].ServicePath]).toEqual([200, [`/${method}`]]);
  }
  expect(scene.haproxy.live).toEqual(["/POST", "/PUT", "/DELETE"]);
});

test("a tcp service needs no path", async () => {
  const { status, json } = await scene.df("reconfigure?serviceName=redis&reqMode=tcp&srcPort=6379&port=6379");
  expect([status, json.Status]).toEqual([200, "OK"]);
  expect(json.ServiceDest).toMatchObject([{ ReqMode: "tcp", SrcPort: 6379, Port: "6379", ServicePath: [] }]);
});

test("a service's certificate is stored under its first domain, else its name, with its lines", async () => {
  const { pem } = testCertificate({ names: ["x.com"] });
  const serviceCert = encodeURIComponent(pem.replaceAll("\n", "\\n"));
  expect((await scene.df(`reconfigure?${goDemo}&serviceCert=${serviceCert}`)).status).toBe(200);
  await scene.df(`reconfigure?serviceName=web&serviceDomain=x.com,y.com&port=80&serviceCert=${serviceCert}`);
  const { json } = await scene.df("certs");
  expect(json.Certs.map((each: Record<string, string>) => [each.ProxyServiceName, each.CertContent])).toEqual([
    ["go-demo", pem],
    ["x.com", pem],
  ]);
  expect(scene.shared.join()).not.toContain("CERTIFICATE");
});

test("a service whose certificate is none has no route either", async () => {
  const { status, json } = await scene.df(`reconfigure?${goDemo}&serviceCert=garbage`);
  expect([status, json.Message]).toEqual([400, expect.stringContaining("it is not PEM")]);
  expect(scene.haproxy.live).toEqual([]);
});

test("a service with no replicas has no route any more, and is a service all the same", async () => {
  await scene.df(`reconfigure?${goDemo}&replicas=2`);
  const { status, json } = await scene.df(`reconfigure?${goDemo}&replicas=0`);
  expect([status, json.Status, json.Message, json.IsGlobal]).toEqual([200, "OK", "", false]);
  expect(scene.haproxy.live).toEqual([]);
  expect(await scene.df("reconfigure?serviceName=new&servicePath=/new&port=80&replicas=0")).toMatchObject({
    status: 200,
  });
  expect((await scene.df(`reconfigure?${goDemo}`)).json.IsGlobal).toBe(true);
  expect(scene.haproxy.live).toEqual(["/demo"]);
});

test("what HAProxy cannot be told is an error of every call that changes something", async () => {
  await scene.df(`reconfigure?${goDemo}`);
  scene.haproxy.away = true;
  const calls = ["reconfigure?serviceName=web&servicePath=/web&port=80", "remove?serviceName=go-demo", "reload"];
  for (const call of calls) {
    const { status, type, json } = await scene.df(call);
    expect([call, status, type, json.Status, json.Message]).toEqual([
      ...[call, 500, "application/json"],
      ...["NOK", "haproxy is away"],
    ]);
  }
  expect(scene.haproxy.live).toEqual(["/demo"]);
  scene.haproxy.away = false;
});

test("a removal that cannot be carried out is no success, asked to distribute or not", async () => {
  await scene.df(`reconfigure?${goDemo}`);
  scene.haproxy.failure = new DomainError("internal", "cannot write haproxy.cfg");
  for (const more of ["", "&distribute=true", "&distribute=false"]) {
    const { status, json } = await scene.df(`remove?serviceName=go-demo${more}`);
    expect([status, json.Status, json.Message]).toEqual([500, "NOK", "cannot write haproxy.cfg"]);
  }
  scene.haproxy.failure = undefined;
});

test("v2 does the same, and a trailing slash leads to the path without it", async () => {
  expect((await scene.call(`/v2/docker-flow-proxy/reconfigure?${goDemo}`)).status).toBe(200);
  const { status, response } = await scene.call("/v1/docker-flow-proxy/ping/?a=b");
  expect([status, response.headers.get("location")]).toEqual([301, "/v1/docker-flow-proxy/ping?a=b"]);
  expect((await scene.call("//elsewhere.example/")).response.headers.get("location")).not.toMatch(/^\/\//);
});

test("what came by request is shared with the other replicas, asked for or not; what came from one is kept", async () => {
  await scene.df(`reconfigure?${goDemo}`);
  const { json } = await scene.df(`reconfigure?${goDemo}&distribute=true`);
  expect(json).toMatchObject({ Message: "Distributed to all instances", Distribute: true });
  await scene.df("reconfigure?serviceName=web&servicePath=/web&port=80&distribute=false");
  await scene.df("remove?serviceName=go-demo&distribute=true");
  const query = "port=8080&serviceName=go-demo&servicePath=%2Fdemo";
  expect(scene.shared).toEqual([`go-demo ${query}`, `go-demo ${query}`, "web kept", "go-demo removed"]);
});

test("replicas that cannot be told are an error for who asked to distribute, and for nobody else", async () => {
  scene.failing.replicas = true;
  expect((await scene.df(`reconfigure?${goDemo}`)).status).toBe(200);
  const { status, json } = await scene.df(`reconfigure?${goDemo}&distribute=true`);
  expect([status, json.Status]).toEqual([500, "NOK"]);
  expect(json.Message).toContain("[10.0.0.3]");
  expect((await scene.df("remove?serviceName=go-demo&distribute=true")).status).toBe(500);
});

test.each([
  ["reconfigure", 400, "serviceName parameter is mandatory."],
  ["reconfigure?serviceName=a", 409, "When using reqMode http, servicePath or serviceDomain are mandatory"],
  [
    "reconfigure?serviceName=a&reqMode=tcp&port=1",
    400,
    "When NOT using reqMode http (e.g. tcp), srcPort and port parameters are mandatory.",
  ],
  [
    "reconfigure?serviceName=a&servicePath=/a",
    400,
    'When MODE is set to "service" or "swarm", the port query is mandatory',
  ],
  ["reconfigure?serviceName=a&servicePath=/bad&port=1", 400, "unknown path /bad"],
  [
    "reconfigure?serviceName=unknown&servicePath=/a&port=1",
    500,
    "Could not reach the service unknown: no address of unknown is known",
  ],
  ["remove", 400, "The serviceName query is mandatory"],
])("%s is refused", async (call, status, message) => {
  const answer = await scene.df(call);
  expect([answer.status, answer.type, answer.json.Status, answer.json.Message]).toEqual([
    status,
    "application/json",
    "NOK",
    message,
  ]);
  expect(scene.haproxy.live).toEqual([]);
});

test("a dry run answers with the difference, and changes nothing", async () => {
  await scene.df(`reconfigure?${goDemo}`);
  const { status, text } = await scene.df("reconfigure?serviceName=web&servicePath=/web&port=80&dryRun=true");
  expect(status).toBe(200);
  expect(text).toContain(" /demo\n+/web\n");
  expect((await scene.df("reconfigure?serviceName=web&servicePath=/bad&port=80&dryRun=true")).status).toBe(400);
  expect(scene.haproxy.live).toEqual(["/demo"]);
});

test("removing what labels route is refused with what to do instead", async () => {
  const parameters = new URLSearchParams(goDemo);
  const service = parseService(parameters, defaultParseContext);
  await scene.controller.replaceAll("swarm", [{ service, query: `${parameters}` }]);
  const { status, json } = await scene.df("remove?serviceName=go-demo");
  expect(status).toBe(409);
  expect(json.Message).toContain("docker service update --label-rm com.df.notify go-demo");
  expect((await scene.df("remove?serviceName=unknown")).status).toBe(200);
});

test("removing a service that is not there asks HAProxy for nothing", async () => {
  await scene.df(`reconfigure?${goDemo}`);
  const before = scene.haproxy.passes;
  const { status, type, json } = await scene.df("remove?serviceName=unknown&aclName=go-demo");
  expect([status, type, json.Status]).toEqual([200, "application/json", "OK"]);
  expect([scene.haproxy.passes, scene.haproxy.live]).toEqual([before, ["/demo"]]);
});

test("a removal is answered with the service's name, and that it was distributed", async () => {
  await scene.df(`reconfigure?${goDemo}`);
  const { json } = await scene.df("remove?serviceName=go-demo&distribute=true");
  expect(json).toMatchObject({
    ...{ Status: "OK", Message: "Distributed to all instances", ServiceName: "go-demo", Distribute: true },
    ServiceDest: null,
  });
  expect((await scene.df("remove?serviceName=go-demo")).json).toMatchObject({ Message: "", Distribute: false });
});

test("a reload tries again what was rejected; fromListener only asks the listeners", async () => {
  await scene.df(`reconfigure?${goDemo}`);
  const before = scene.haproxy.passes;
  expect((await scene.df("reload?fromListener=true")).type).toBe("application/json");
  expect([scene.haproxy.passes - before, scene.shared.at(-1)]).toEqual([0, "listeners"]);
  await scene.df("reload");
  await scene.df("reload?recreate=true");
  expect([scene.haproxy.passes - before, scene.haproxy.live]).toEqual([2, ["/demo"]]);
});

test("services tells the state of each, and the routes for other replicas as soon as they change", async () => {
  await scene.df(`reconfigure?${goDemo}`);
  const { json } = await scene.df("services");
  expect(json.Services).toEqual([
    {
      ServiceName: "go-demo",
      State: "live",
      Reason: "",
      Origin: "http",
      PreviousVersionLive: false,
      Paths: ["/demo"],
      Domains: [],
    },
  ]);
  const first = (await scene.df("services?type=routes")).json;
  expect(first.routes).toEqual({ "go-demo": "port=8080&serviceName=go-demo&servicePath=%2Fdemo" });
  const next = scene.df(`services?type=routes&after=${first.revision}&wait=20`);
  await scene.df("remove?serviceName=go-demo");
  expect((await next).json).toMatchObject({ managed: true, routes: {} });
});

test("config is the file as it is, or what is live as JSON", async () => {
  expect(await scene.df("config")).toMatchObject({ status: 500, text: "" });
  await writeFile(join(folder, "haproxy.cfg"), "global\n");
  expect(await scene.df("config")).toMatchObject({ status: 200, type: "text/html", text: "global\n" });
  await scene.df(`reconfigure?${goDemo}`);
  const { type, text } = await scene.df("config?type=JSON");
  expect([type, text.startsWith('{"go-demo":{')]).toEqual(["application/json", true]);
});

test("a certificate is stored when it is one, and only then", async () => {
  const pem = testCertificate({ names: ["example.com"] }).pem;
  const put = (query: string, body: string) => scene.df(`cert?${query}`, { method: "PUT", body });
  expect((await put("certName=a.pem&distribute=true", pem)).json).toEqual({ Status: "OK", Message: "", Certs: null });
  expect(scene.shared).toEqual(["/v1/docker-flow-proxy/cert with a body"]);
  expect((await put("certName=b.pem", "garbage")).status).toBe(400);
  expect((await put("certName=../b.pem", pem)).status).toBe(400);
  expect((await put("certName=b.pem", "x".repeat(2 << 20))).status).toBe(413);
  expect(await put("", pem)).toMatchObject({ status: 400, json: { Message: "Query parameter certName is mandatory" } });
  expect(await put("certName=b.pem", "")).toMatchObject({ status: 400, json: { Message: "Body is empty" } });
  expect((await scene.df("cert?certName=a.pem")).status).toBe(405);
  const { json } = await scene.df("certs");
  expect(json.Certs).toMatchObject([{ ProxyServiceName: "a.pem", CertContent: pem }]);
});

test("a certificate is removed when there is one, on the other replicas as well where that is asked for", async () => {
  const pem = testCertificate({ names: ["example.com"] }).pem;
  await scene.df("cert?certName=a.pem", { method: "PUT", body: pem });
  const remove = (query: string) => scene.df(`cert?${query}`, { method: "DELETE" });
  expect(await remove("")).toMatchObject({ status: 400, json: { Message: "Query parameter certName is mandatory" } });
  expect((await remove("certName=../haproxy.cfg")).status).toBe(400);
  expect((await remove("certName=b.pem")).json).toMatchObject({
    Status: "NOK",
    Message: `There is no certificate b.pem in ${join(folder, "certs")}`,
  });
  expect((await remove("certName=a.pem&distribute=true")).json).toEqual({ Status: "OK", Message: "", Certs: null });
  expect(scene.shared).toEqual(["/v1/docker-flow-proxy/cert"]);
  expect((await scene.df("certs")).json.Certs).toEqual([]);
  expect((await remove("certName=a.pem")).status).toBe(404);
});

test("replicas that cannot be told of a certificate are an error for who asked to distribute it", async () => {
  const pem = testCertificate({ names: ["example.com"] }).pem;
  scene.failing.replicas = true;
  const put = (query: string) => scene.df(`cert?certName=a.pem${query}`, { method: "PUT", body: pem });
  expect(await put("&distribute=true")).toMatchObject({
    ...{ status: 400, type: "application/json" },
    json: { Status: "NOK", Message: expect.stringContaining("[10.0.0.3]"), Certs: null },
  });
  expect((await put("")).status).toBe(200);
});

test("statistics that cannot be had, here or on another replica, are answered 500 without a body", async () => {
  scene.failing.replicas = true;
  expect(await scene.df("metrics?distribute=true")).toMatchObject({ status: 500, text: "" });
  expect((await scene.df("metrics")).text).toBe("# pxname\nservices\n");
  scene.failing.csv = true;
  expect(await scene.df("metrics")).toMatchObject({ status: 500, text: "" });
});

test("successfulinitreload is answered 200 when every source has told of its services", async () => {
  expect(await scene.df("successfulinitreload")).toMatchObject({ status: 500, text: "" });
  scene.sources.haveTold = true;
  expect(await scene.df("successfulinitreload")).toMatchObject({ status: 200, text: "" });
});

test("who asks whether it is there gets every field, empty", async () => {
  const calls = { "/v1/docker-flow-proxy/ping": "", "/v1/test": "Test v1", "/v2/test": "Test v2" };
  for (const [path, Message] of Object.entries(calls)) {
    const { status, type, text } = await scene.call(path);
    expect([status, type]).toEqual([200, "application/json"]);
    expect(JSON.parse(text)).toMatchObject({ Status: "OK", Message, ServiceName: "", ServiceDest: null });
  }
});

test("a port that another has is an error, and the first goes on", async () => {
  await expect(ApiServer.listen(scene.parts, ["127.0.0.1"], scene.port)).rejects.toThrow(
    `the control API cannot listen on 127.0.0.1:${scene.port}: address already in use; choose a free port`,
  );
  await expect(ApiServer.listen(scene.parts, ["127.0.0.2", "127.0.0.1"], scene.port)).rejects.toThrow(
    `the control API cannot listen on 127.0.0.1:${scene.port}: address already in use; choose a free port`,
  );
  expect((await scene.df("ping")).status).toBe(200);
  await expect(fetch(`http://127.0.0.2:${scene.port}/v1/test`)).rejects.toThrow();
});

test("an error that nobody has foreseen is answered in JSON too", async () => {
  scene.failing.summary = true;
  const { status, type, json } = await scene.df("stats");
  expect([status, type, json.Status, json.Message]).toEqual([500, "application/json", "NOK", "no summary"]);
});

test("yes is spelt alike in every call", async () => {
  for (const yes of ["true", "T", "1", "on"]) {
    await scene.df(`reconfigure?${goDemo}&distribute=${yes}`);
    const { json } = await scene.df(`remove?serviceName=go-demo&distribute=${yes}`);
    expect([yes, json.Message]).toEqual([yes, "Distributed to all instances"]);
    expect((await scene.df(`reconfigure?${goDemo}&dryRun=${yes}`)).type).toContain("text/plain");
  }
  expect((await scene.df("remove?serviceName=go-demo&distribute=no")).json.Message).toBe("");
});

test("the others answer as the original does", async () => {
  expect((await scene.df("ping")).json).toMatchObject({ Status: "OK" });
  expect(await scene.df("successfulinitreload")).toMatchObject({ status: 500, text: "" });
  expect((await scene.df("metrics?distribute=true")).text).toBe("# pxname\nservices\n# pxname\nother\n");
  expect((await scene.call("/metrics")).text).toBe("haproxy_up 1\n");
  expect(JSON.parse((await scene.call("/v1/test")).text).Message).toBe("Test v1");
  expect(await scene.call("/v1/nothing")).toMatchObject({ status: 404, text: "404 page not found\n" });
  expect((await scene.df("reload")).json).toMatchObject({ Status: "OK" });
  expect((await scene.df("reload?recreate=true")).json).toMatchObject({ Status: "OK" });
  expect((await scene.df("reload?fromListener=true")).json).toMatchObject({ Status: "OK" });
  scene.failing.replicas = true;
  const { status, json } = await scene.df("reload?fromListener=true");
  expect([status, json.Status]).toEqual([500, "NOK"]);
});

test("with a token only who has it may do more than ping", async () => {
  await scene.stop();
  scene = await start({ API_TOKEN: "secret" });
  expect((await scene.df(`reconfigure?${goDemo}`)).status).toBe(401);
  expect((await scene.df("config?token=wrong")).status).toBe(401);
  expect((await scene.df("ping")).status).toBe(200);
  expect((await scene.df(`reconfigure?${goDemo}`, { headers: { Authorization: "Bearer secret" } })).status).toBe(200);
  expect((await scene.df(`reconfigure?${goDemo}&token=secret`)).status).toBe(200);
  expect(scene.shared.join()).not.toContain("secret");
});
