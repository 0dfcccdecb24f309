import fc from "fast-check";
import { expect, test } from "vitest";
import type { Rendered, TaskServer } from "../render/rendered.ts";
import type { RuntimeCircumstances } from "./plan-runtime.ts";
import { planRuntime } from "./plan-runtime.ts";
import { describeRuntimeStep } from "./runtime-step.ts";

const structure = "use_backend %[path,map_beg(/run/routes.map,.list)]\n    bind *:443 ssl crt-list /run/list.txt\n";

const server = (task: string, more: Partial<TaskServer> = {}): TaskServer => ({
  backend: "go-demo-be8080",
  name: `go-demo.${task}`,
  address: `${task}:8080`,
  options: "no-backup",
  ...more,
});

interface Parts {
  readonly servers?: readonly TaskServer[];
  readonly map?: string;
  readonly list?: string;
  readonly structure?: string;
  readonly stopped?: readonly string[];
}

const rendered = ({
  servers = [],
  map = "",
  list = "",
  structure: own = structure,
  stopped = [],
}: Parts = {}): Rendered => ({
  stopped,
  config: own,
  structure: own,
  servers,
  files: new Map([
    ["/run/routes.map", map],
    ["/run/list.txt", list],
  ]),
  blame: [],
});

const plan = (from: Parts, to: Parts, circumstances?: RuntimeCircumstances) =>
  planRuntime(rendered(from), rendered(to), circumstances)?.map(describeRuntimeStep);

test("nothing is done when nothing has changed", () => {
  const same = { servers: [server("10.0.1.5")], map: "/demo go-demo-be8080\n", list: "/certs/a.pem\n" };
  expect(plan(same, same)).toEqual([]);
});

test("another structure needs a reload", () => {
  expect(plan({}, { structure: `${structure}backend other\n` })).toBeUndefined();
});

test("a new task is there before an old one goes", () => {
  expect(plan({ servers: [server("10.0.1.5")] }, { servers: [server("10.0.1.6")] })).toEqual([
    "add server go-demo-be8080/go-demo.10.0.1.6 10.0.1.6:8080",
    "retire server go-demo-be8080/go-demo.10.0.1.5",
  ]);
});

test("a server with another address is moved", () => {
  const [from, to] = [server("one", { address: "10.0.1.5:80" }), server("one", { address: "[fd00::1]:81" })];
  expect(plan({ servers: [from] }, { servers: [to] })).toEqual([
    "move server go-demo-be8080/go-demo.one to [fd00::1]:81",
  ]);
});

test("a server with other options needs a reload", () => {
  expect(
    plan({ servers: [server("10.0.1.5")] }, { servers: [server("10.0.1.5", { options: "check" })] }),
  ).toBeUndefined();
});

test("a server that was retired and is not gone yet is let in again", () => {
  const retired = [server("10.0.1.5")];
  const to = { servers: [server("10.0.1.5")] };
  expect(plan({}, to, { retired })).toEqual(["readmit server go-demo-be8080/go-demo.10.0.1.5"]);
  expect(plan({}, to, { retired: [server("10.0.1.5", { options: "check" })] })).toBeUndefined();
});

test.for([
  ["a name in place of an address", { address: "go-demo:8080" }],
  ["an option that ends the command", { options: "check; shutdown frontend services" }],
  ["a name with a space", { name: "a b" }],
] as const)("%s needs a reload, and so HAProxy's check", ([, more]) => {
  expect(plan({}, { servers: [server("10.0.1.5", more)] })).toBeUndefined();
});

test("the same server twice needs a reload", () => {
  expect(plan({}, { servers: [server("10.0.1.5"), server("10.0.1.5")] })).toBeUndefined();
});

test("a few routes are changed one by one, new ones first", () => {
  expect(plan({ map: "/a a-be\n/b b-be\n" }, { map: "/b c-be\n/c c-be\n" })).toEqual([
    "add map /run/routes.map /c c-be; set map /run/routes.map /b c-be; del map /run/routes.map /a",
  ]);
});

test.for([
  ["many routes", Array.from({ length: 30 }, (_, i) => `/${i} be\n`).join(""), 30],
  ["routes in another order", "/b b-be\n/a a-be\n", 2],
  ["a route that a command would misread", "/a a-be\n/b b-be\n/c;d b-be\n", 3],
  ["a route twice", "/a a-be\n/b b-be\n/b b-be\n", 3],
] as const)("%s replace the whole map", ([, map, count]) => {
  expect(plan({ map: "/a a-be\n/b b-be\n" }, { map })).toEqual([`replace map /run/routes.map (${count} entries)`]);
});

test("comments and empty lines of a map are no routes", () => {
  expect(plan({ map: "/a a-be\n" }, { map: "# all\n\n/a   a-be\n" })).toEqual([
    "change nothing in map /run/routes.map",
  ]);
});

test("another kind of file needs a reload", () => {
  const from = rendered();
  const to = { ...from, files: new Map([...from.files, ["/run/503.http", "x"]]) };
  expect(planRuntime(from, to)).toBeUndefined();
  const changed = { ...from, files: new Map([...to.files, ["/run/503.http", "y"]]) };
  expect(planRuntime(to, changed)).toBeUndefined();
});

test("certificates come first and go last", () => {
  const certificates = [
    { do: "remove", path: "/certs/a.pem" },
    { do: "add", path: "/certs/b.pem", pem: "" },
  ] as const;
  const from = { list: "/certs/a.pem\n", servers: [server("10.0.1.5")] };
  const to = { list: "/certs/b.pem\n", servers: [server("10.0.1.6")] };
  expect(plan(from, to, { certificates })).toEqual([
    "add certificate /certs/b.pem",
    "add server go-demo-be8080/go-demo.10.0.1.6 10.0.1.6:8080",
    "retire server go-demo-be8080/go-demo.10.0.1.5",
    "remove certificate /certs/a.pem",
  ]);
});

test("a certificate list that the steps do not explain needs a reload", () => {
  const [from, to] = [{ list: "/certs/a.pem\n" }, { list: "/certs/a.pem\n/certs/b.pem\n" }];
  expect(plan(from, to)).toBeUndefined();
  expect(plan(from, to, { certificates: [{ do: "add", path: "/certs/c.pem", pem: "" }] })).toBeUndefined();
  expect(plan(from, { list: "/certs/a.pem [alpn h2]\n" }, { certificates: [] })).toBeUndefined();
});

test("a renewed certificate changes no list", () => {
  const certificates = [{ do: "renew", path: "/certs/a.pem", pem: "" }] as const;
  expect(plan({ list: "/certs/a.pem\n" }, { list: "/certs/a.pem\n" }, { certificates })).toEqual([
    "renew certificate /certs/a.pem",
  ]);
});

test("the steps lead from any servers to any others, and a planned state needs no steps", () => {
  const servers = fc
    .uniqueArray(fc.integer({ min: 1, max: 30 }), { maxLength: 20 })
    .map((tasks) => tasks.map((task) => server(`10.0.1.${task}`)));
  fc.assert(
    fc.property(servers, servers, servers, (from, to, gone) => {
      const names = new Set(from.map(({ name }) => name));
      const retired = gone.filter(({ name }) => !names.has(name));
      const active = new Set(from.map(({ name }) => name));
      const known = new Set([...from, ...retired].map(({ name }) => name));
      for (const step of planRuntime(rendered({ servers: from }), rendered({ servers: to }), { retired }) ?? []) {
        if (step.do === "add-server" && known.has(step.server.name)) throw new Error("exists already");
        if (step.do === "readmit-server" && !known.has(step.server.name)) throw new Error("does not exist");
        if (step.do === "add-server" || step.do === "readmit-server") active.add(step.server.name);
        if (step.do === "retire-server") active.delete(step.server.name);
      }
      expect([...active].sort()).toEqual(to.map(({ name }) => name).sort());
      expect(planRuntime(rendered({ servers: to }), rendered({ servers: to }))).toEqual([]);
    }),
  );
});

test("a service without tasks is stopped, and goes on with its first", () => {
  const key = "go-demo-be8080/go-demo";
  expect(plan({}, { stopped: [key] })).toEqual([`stop server ${key}`]);
  const back = { servers: [server("10.0.1.5")] };
  expect(plan({ stopped: [key] }, back)?.[0]).toBe(`resume server ${key}`);
});
