import { existsSync, readFileSync } from "node:fs";
import fc from "fast-check";
import { beforeEach, expect, test, vi } from "vitest";
import { type Answer, type InProcessApi, inProcessApi, recorded } from "../../test/in-process-api.ts";
import { ids, putRecordedSwarm } from "../../test/recorded-swarm.ts";

vi.setConfig({ testTimeout: 30_000 }); // thousands of requests a test, on a machine that may be busy

const corpora = "/work/shared/reference/corpora";

/** Strings out of a corpus of this machine, if it has one; the inlined ones mean something without. */
function corpus(file: string, read: (entry: unknown) => string): string[] {
  const path = `${corpora}/${file}`;
  return existsSync(path) ? JSON.parse(readFileSync(path, "utf8")).map(read) : [];
}
const base64 = (text: unknown) => Buffer.from(String(text), "base64").toString();

const bodies = [
  ...[
    "",
    " ",
    "{",
    "[",
    "nul",
    "null",
    "0",
    "-",
    '"',
    '"\\ud800"',
    "[]",
    "{}",
    "{},",
    '{"a":1}}',
    "\u0000",
    "\uFEFF{}",
  ],
  ...[
    '{"Name":1e999}',
    '{"Labels":{"__proto__":"x"}}',
    '{"__proto__":{"Name":"x"}}',
    '{"TaskTemplate":[]}',
    "[".repeat(20_000),
  ],
  `${'{"Spec":'.repeat(9000)}1${"}".repeat(9000)}`,
  ...corpus("json-parsing.json", (entry) => base64((entry as { body: string }).body)),
];

const naughty = [
  ...[
    "",
    " ",
    ".",
    "%",
    "%00",
    "\u0000",
    "undefined",
    "__proto__",
    "constructor",
    "toString",
    "'; DROP",
    "\u202e",
    "💥",
    "é".repeat(500),
  ],
  ...["-1", "1e3", "0x10", "18446744073709551616", "NaN", "a".repeat(10_000)],
  ...corpus("naughty-strings.base64.json", base64),
];

/** Where Docker itself answers 500, and clients know the words. */
const dockersOwn500 = [
  /^network .* not found$/s,
  /update out of sequence$/,
  /^rpc error: code = Unknown desc = (constraint expected one operator|key '.*' is invalid|value '.*' is invalid)/s,
  /^(unsupported registryAuthFrom value|invalid join token|Invalid .* filter: '.*')$/s,
  /^(Invalid subnet|invalid name: )/,
  /^(Datapath port number|invalid base pool|invalid CIDR|subnet size is out of range)/,
];
const jsonProblem = /^(invalid character|unexpected|got EOF|exceeded max depth)/;

function expectOrderly(
  api: InProcessApi,
  what: string,
  { status, body }: Answer,
  own500: readonly RegExp[] = dockersOwn500,
): void {
  expect(
    api.asked.filter((line) => line.startsWith("BUG")),
    what,
  ).toEqual([]);
  if (status < 400) return;
  expect(body.message, what).toEqual(expect.any(String));
  if (status === 500)
    expect(
      own500.some((text) => text.test(body.message)),
      `${what}: ${body.message}`,
    ).toBe(true);
  else expect([400, 403, 404, 409, 501, 503], what).toContain(status);
}

let api: InProcessApi;
beforeEach(async () => {
  api = inProcessApi();
  await putRecordedSwarm(api.store);
});

const posts = [
  "/services/create",
  `/services/${ids.s1}/update?version=3`,
  "/nodes/node-2/update?version=3",
  "/swarm/update?version=3",
  "/swarm/init",
  "/swarm/join",
  "/swarm/unlock",
  "/networks/create",
  "/networks/appnet/connect",
  "/networks/appnet/disconnect",
];

test.for(posts)("POST %s survives any body", async (url) => {
  if (/init|join/.test(url)) api.status = { state: "inactive" };
  for (const body of bodies) expectOrderly(api, `${url} ${body.slice(0, 80)}`, await api.call("POST", url, body));
});

/** The paths of all fields in a value, deepest last. */
function paths(value: unknown, path: string[] = []): string[][] {
  if (value === null || typeof value !== "object") return [path];
  return [path, ...Object.entries(value).flatMap(([key, item]) => paths(item, [...path, key]))];
}

function replaced(value: unknown, [key, ...rest]: string[], by: unknown): unknown {
  if (key === undefined) return by;
  const copy = Array.isArray(value) ? [...value] : { ...(value as object) };
  return Object.assign(copy, { [key]: replaced((value as Record<string, unknown>)[key], rest, by) });
}

const spoiled = (valid: unknown) =>
  fc
    .tuple(fc.constantFrom(...paths(valid)), fc.oneof(fc.jsonValue(), fc.constantFrom(...naughty), fc.maxSafeInteger()))
    .map(([path, by]) => replaced(valid, path, by));

/** The recorded spec that has the most fields, without what is not available yet. */
const fullSpec = (() => {
  const { Networks: _, ContainerSpec: container, ...task } = recorded("specs")[0].sent.TaskTemplate;
  const { Secrets, Configs, ...plain } = container;
  const ports = [{ Name: "web", Protocol: "tcp", TargetPort: 80, PublishedPort: 8090, PublishMode: "host" }];
  const endpoint = { Mode: "vip", Ports: ports };
  return {
    ...recorded("specs")[0].sent,
    Name: "fuzz",
    TaskTemplate: { ...task, ContainerSpec: plain },
    EndpointSpec: endpoint,
  };
})();
const swarmSpec = recorded("objects").swarm.Spec;
const initBody = {
  ListenAddr: "0.0.0.0:2377",
  DataPathPort: 4789,
  DefaultAddrPool: ["10.0.0.0/8"],
  SubnetSize: 24,
  Spec: swarmSpec,
};

const networkBody = {
  ...{
    Name: "fuzz",
    Driver: "overlay",
    Scope: "swarm",
    Labels: { a: "b" },
    Options: { "com.docker.network.driver.mtu": "1400" },
  },
  IPAM: { Driver: "default", Config: [{ Subnet: "10.99.0.0/24", IPRange: "10.99.0.128/25", Gateway: "10.99.0.1" }] },
};

test.for([
  ["/services/create", fullSpec],
  [`/services/${ids.full}/update?version=3`, fullSpec],
  ["/nodes/node-2/update?version=3", { Name: "n", Labels: { a: "b" }, Role: "worker", Availability: "active" }],
  ["/swarm/update?version=3", swarmSpec],
  ["/swarm/init", initBody],
  ["/networks/create", networkBody],
  ["/swarm/join", { ListenAddr: "0.0.0.0:2377", RemoteAddrs: ["a:1"], JoinToken: "x", Availability: "active" }],
] as const)("POST %s survives a wrong value in any field", async ([url, valid]) => {
  if (/init|join/.test(url)) api.status = { state: "inactive" };
  if (url === "/services/create") expect((await api.call("POST", url, valid)).status).toBe(201);
  await fc.assert(
    fc.asyncProperty(spoiled(valid), async (body) => {
      expectOrderly(api, `${url} ${JSON.stringify(body)}`, await api.call("POST", url, body));
    }),
    { numRuns: 100 },
  );
});

test("names, ids, versions and flags may be any text", async () => {
  for (const text of naughty) {
    const part = encodeURIComponent(text.toWellFormed());
    const calls = [
      ...["services", "nodes", "tasks", "networks"].map((kind) => ["GET", `/${kind}/${part}`]),
      ...["services", "nodes", "networks"].map((kind) => ["DELETE", `/${kind}/x${part}`]),
      ["GET", `/networks/appnet?verbose=${part}&scope=${part}`],
      ...[`/services/x${part}/logs?stdout=1`, `/tasks/x${part}/logs?stdout=1&tail=${part}`].map((url) => ["GET", url]),
      ["GET", `/services/${ids.s1}/logs?stdout=1&tail=${part}&since=${part}`],
      ["GET", `/services?status=${part}`],
    ] as const;
    for (const [method = "", url = ""] of calls) expectOrderly(api, `${method} ${url}`, await api.call(method, url));
    for (const url of [`/services/${ids.s1}/update`, "/nodes/node-2/update", "/swarm/update"]) {
      expectOrderly(
        api,
        url,
        await api.call("POST", `${url}?version=${part}&rollback=${part}&registryAuthFrom=${part}`, {}),
      );
    }
  }
});

test.for(["/services", "/nodes", "/tasks", "/networks"])("the filters of %s may be any text", async (path) => {
  for (const text of [...bodies, ...naughty]) {
    const filters = encodeURIComponent(text.toWellFormed());
    expectOrderly(api, text, await api.call("GET", `${path}?filters=${filters}`), [...dockersOwn500, jsonProblem]);
  }
  for (const text of naughty) {
    for (const key of [
      "id",
      "name",
      "label",
      "node.label",
      "role",
      "mode",
      "service",
      "node",
      "desired-state",
      "dangling",
      text,
    ]) {
      const filters = encodeURIComponent(JSON.stringify({ [key]: [text.toWellFormed()] }).toWellFormed());
      expectOrderly(api, text, await api.call("GET", `${path}?filters=${filters}`));
    }
  }
});
