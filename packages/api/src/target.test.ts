import { expect, test } from "vitest";
import { isSwarmScoped, parseTarget } from "./target.ts";

test.each([
  ["/containers/json?all=1", undefined, "/containers/json", "all=1"],
  ["/v1.41/services", "1.41", "/services", ""],
  ["/v1.41/services/a%20b?x=%2F?", "1.41", "/services/a b", "x=%2F?"],
  ["/volumes/v1", undefined, "/volumes/v1", ""],
  ["/v1.41", undefined, "/v1.41", ""],
  ["http://docker/v1.24/info", "1.24", "/info", ""],
])("takes %s apart", (url, version, path, query) => {
  expect(parseTarget(url)).toEqual({ version, path, query });
});

test.each([
  "/swarm/init",
  "//swarm/init",
  "/./swarm/init",
  "/x/../swarm/init",
  "/%73warm/init",
  "/v1.41//swarm%2Finit",
  "HTTP://h/swarm",
])("sees through %s: the engine must not get it", (url) => {
  expect(isSwarmScoped(parseTarget(url)?.path ?? "")).toBe(true);
});

test.each(["*", "", "swarm", "/%zz", "/%ff"])("finds no path in %j", (url) => {
  expect(parseTarget(url)).toBeUndefined();
});

test("leaves other paths to the engine", () => {
  for (const path of ["/containers/swarm", "/swarmx", "/", "/networks"]) expect(isSwarmScoped(path)).toBe(false);
});
