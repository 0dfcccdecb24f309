import { expect, test } from "vitest";
import { goDemo, isOfMap, renderServices, sectionOf, service } from "../test-input.ts";

const tls = service("serviceName=tls&reqMode=sni&srcPort=444&port=1&servicePath=x.com");
const frontend = "acl special path /special\nuse_backend special if special\n";
const backend = "\nbackend special\n    mode http\n    server one one:1\n    server two two:2\n";

test("a service's own rules stand in frontend services, behind ours, in place of its built-in ones", () => {
  const other = service("serviceName=other&servicePath=/&port=1");
  const rendered = renderServices([tls, goDemo, other], { snippets: new Map([["go-demo", { frontend }]]) });
  expect(sectionOf(rendered, "frontend services").slice(-4)).toEqual([
    "acl url_other1 path_beg /",
    "use_backend other-be1 if url_other1",
    "acl special path /special",
    "use_backend special if special",
  ]);
  expect(rendered.config).not.toContain("url_go-demo8080");
  expect(sectionOf(rendered, "backend go-demo-be8080")).toHaveLength(3);
});

test("a service's own backends take the place of its built-in ones, and its rules stay", () => {
  const rendered = renderServices([goDemo], { snippets: new Map([["go-demo", { backend }]]) });
  expect(rendered.config).not.toContain("backend go-demo-be8080\n");
  expect(rendered.config).toContain("use_backend go-demo-be8080 if url_go-demo8080");
  expect(sectionOf(rendered, "backend special")).toHaveLength(4);
});

test("servers of users' sections are not backups", () => {
  const { config } = renderServices([goDemo], { snippets: new Map([["go-demo", { backend }]]) });
  const last = config.split(/^defaults$/m).at(-1);
  expect(last).toContain("server two two:2");
  expect(last).not.toContain("default-server backup");
});

test("users' files and services' own parts are in the order of the files' names", () => {
  const file = (name: string) => ({ name, text: `use_backend ${name} if { path /${name} }` });
  const rendered = renderServices([goDemo], {
    snippets: new Map([["go-demo", { frontend: "use_backend mine if { path /mine }" }]]),
    userSnippets: { frontend: [file("z-fe.cfg"), file("a-fe.cfg")], backend: [] },
  });
  const used = sectionOf(rendered, "frontend services").filter((line) => line.startsWith("use_backend"));
  expect(used.map((line) => line.split(" ")[1])).toEqual(["a-fe.cfg", "mine", "z-fe.cfg"]);
});

test("sections in a file for the frontend are sections of their own", () => {
  const text = "# mine\nacl x path /x\n\nfrontend mine\n  bind *:85\n  default_backend special\n";
  const { config } = renderServices([goDemo], {
    userSnippets: { frontend: [{ name: "x-fe.cfg", text }], backend: [] },
  });
  expect(config).toContain("    # mine\n    acl x path /x\n\n");
  expect(config).toContain("\n\nfrontend mine\n  bind *:85\n  default_backend special\n");
});

test("a part for the backends that begins no section is refused", () => {
  const stray = { backend: "server x x:1" };
  expect([...renderServices([goDemo], { snippets: new Map([["go-demo", stray]]) }).refused]).toEqual([
    ["go-demo", 'templateBePath "server x x:1": the template does not begin with a section'],
  ]);
  const files = { frontend: [], backend: [{ name: "x-be.cfg", text: "server x x:1" }] };
  const rendered = renderServices([goDemo], { userSnippets: files });
  expect([...rendered.refused]).toEqual([["x-be.cfg", "it does not begin with a section"]]);
  expect(rendered.config).toBe(renderServices([goDemo]).config);
});

test("the map stays as long as users' rules do not change what routes look at", () => {
  const hasMap = (text: string) =>
    sectionOf(
      renderServices([goDemo], { userSnippets: { frontend: [{ name: "x-fe.cfg", text }], backend: [] } }),
      "frontend services",
    ).some(isOfMap);
  expect(hasMap("acl x path /x\nuse_backend y if x\nhttp-request deny if x")).toBe(true);
  expect(hasMap("http-request set-path /y if { path /x }")).toBe(false);
  expect(hasMap("acl url_go-demo8080 path /x")).toBe(false);
});

test("users' lines are due to their service or file", () => {
  const rendered = renderServices([goDemo], {
    snippets: new Map([["go-demo", { frontend, backend }]]),
    userSnippets: { frontend: [], backend: [{ name: "x-be.cfg", text: "backend x\nserver x x:1" }] },
  });
  const lines = rendered.config.split("\n");
  const due = (name: string) =>
    rendered.blame
      .filter(({ serviceName }) => serviceName === name)
      .flatMap(({ from, to }) => lines.slice(from - 1, to));
  expect(due("x-be.cfg")).toEqual(["backend x", "server x x:1"]);
  expect(due("go-demo").map((line) => line.trim())).toEqual([
    "acl special path /special",
    "use_backend special if special",
    "backend special",
    "mode http",
    "server one one:1",
    "server two two:2",
  ]);
});
