import { expect, test } from "vitest";
import { isOfMap, renderServices, sectionOf, service } from "../test-input.ts";

/** The maps by name, and the lines that read them with the names instead of paths. */
function mapsOf(...queries: string[]) {
  const rendered = renderServices(queries.map((query) => service(query)));
  const maps = [...rendered.files].map(([path, text]) => [path.replace(/-[0-9a-f]{12}\.map$/, ""), text.split("\n")]);
  const lines = sectionOf(rendered, "frontend services").filter(isOfMap);
  return { maps: Object.fromEntries(maps), lines: lines.map((line) => line.replace(/-[0-9a-f]{12}\.map/g, "")) };
}
const routes = (...queries: string[]) => (mapsOf(...queries).maps["/run/df/routes"] as string[]).filter(Boolean);

const a = "serviceName=a&port=1&servicePath=/a";
const b = "serviceName=b&port=1&servicePath=/b";

test("plain paths are answered by a map", () => {
  expect(mapsOf(a, b)).toEqual({
    maps: { "/run/df/routes": ["/a a-be1", "/b b-be1", ""] },
    lines: ["# What the rules below would answer, told by maps.", "use_backend %[path,map_beg(/run/df/routes)]"],
  });
});

test("the first rule that begins a path wins, not the longest", () => {
  expect(routes(a, "serviceName=b&port=1&servicePath=/a/b,/c")).toEqual(["/a a-be1", "/a/b a-be1", "/c b-be1"]);
  expect(routes("serviceName=z&port=1&servicePath=/a", "serviceName=b&port=1&servicePath=/a/b")).toEqual([
    "/a z-be1",
    "/a/b b-be1",
  ]);
});

test("where more than the path counts the list is asked", () => {
  expect(mapsOf(a, `${b}&serviceHeader=X:1`).lines.at(-1)).toBe(
    "use_backend %[var(txn.route)] if { var(txn.route) -m found } !{ var(txn.route) -m str .list }",
  );
  expect(routes(a, `${b}&serviceHeader=X:1`)).toEqual(["/a a-be1", "/b .list"]);
  expect(routes(a, `${b}&srcPort=80`)).toEqual(["/a a-be1", "/b .list"]);
  expect(routes(a, `${b}&servicePathExclude=/b/x`)).toEqual(["/a a-be1", "/b .list"]);
  expect(routes(a, `${b}&pathType=path`)).toEqual(["/a a-be1", "/b .list"]);
});

test("an expression may take any path, so it shadows what comes after it", () => {
  expect(routes(a, `${b}&pathType=path_reg`, "serviceName=c&port=1&servicePath=/c")).toEqual([
    "/ .list",
    "/a a-be1",
    "/c .list",
  ]);
});

test("without a plain rule there is no map", () => {
  expect(mapsOf(`${b}&serviceHeader=X:1`)).toEqual({ maps: {}, lines: [] });
});

test("of rules for a host and rules for all hosts the first in the list wins", () => {
  const host = "serviceName=h&port=1&serviceDomain=X.com,y.com";
  const both = "serviceName=aa&port=1&serviceDomain=x.com.uk&servicePath=/a";
  expect(mapsOf(a, both, host).maps).toEqual({
    "/run/df/paths": ["/a 0", ""],
    "/run/df/hosts": ["x.com 0", "x.com.uk 1", "y.com 2", ""],
    "/run/df/host-paths": ["0/ 2", "1/ 2", "1/a 1", "2/ 2", ""],
    "/run/df/rules": ["0 a-be1", "1 aa-be1", "2 h-be1", ""],
  });
  expect(mapsOf(a, host).lines).toEqual([
    "# What the rules below would answer, told by maps.",
    "http-request set-var(txn.path) path",
    "http-request set-var(txn.by_path) path,map_beg_int(/run/df/paths,2)",
    "http-request set-var(txn.by_host) req.fhdr(host),lower,concat(/),map_beg(/run/df/hosts),concat(,txn.path),map_beg_int(/run/df/host-paths,2)",
    "http-request set-var(txn.rule) var(txn.by_path)",
    "http-request set-var(txn.rule) var(txn.by_host) if { var(txn.by_host),sub(txn.by_path) lt 0 }",
    "http-request set-var(txn.route) var(txn.rule),map(/run/df/rules) if !{ req.fhdr(host) -m sub , }",
    "use_backend %[var(txn.route)] if { var(txn.route) -m found }",
  ]);
});

test("a whole host is told from a host's beginning", () => {
  const { maps } = mapsOf("serviceName=h&port=1&serviceDomain=x.com&serviceDomainAlgo=hdr(host)");
  expect(maps["/run/df/hosts"]).toEqual(["x.com/ 0", ""]);
});

test("maps are named after their content, and so the same for the same routes", () => {
  const names = (...queries: string[]) => [...renderServices(queries.map((query) => service(query))).files.keys()];
  expect(names(a, b)).toEqual(names(b, a));
  expect(names(a, b)).toEqual(names(a, `${b}&httpsOnly=true`));
  expect(names(a, b)).not.toEqual(names(a, "serviceName=b&port=1&servicePath=/c"));
});
