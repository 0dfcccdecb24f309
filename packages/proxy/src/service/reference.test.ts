import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { readSettings } from "../settings/index.ts";
import { parseListenerSettings } from "../sources/index.ts";
import { parameterReference } from "./reference.ts";

const reference = readFileSync(join(import.meta.dirname, "../../../../docs/proxy-reference.md"), "utf8");

type Environment = Readonly<Record<string, string | undefined>>;

/** The names that `read` asks an environment for that holds `given`. */
function namesAskedFor(read: (env: Environment) => unknown, given: Environment = {}): string[] {
  const names = new Set<string>();
  const get = (env: Environment, name: string | symbol) => {
    names.add(String(name));
    return env[String(name)];
  };
  read(new Proxy(given, { get }));
  return [...names].sort();
}

/** The names in the first column of a table of variables. */
const documented = reference
  .slice(reference.indexOf("## Environment variables"), reference.indexOf("## Labels"))
  .split("\n")
  .flatMap((line) => /^\| `([A-Z_0-9]+)` \|/.exec(line)?.[1] ?? []);

const ofSettings = namesAskedFor((env) => readSettings(env, () => undefined), {
  STATS_USER: "admin",
  STATS_PASS: "secret",
  USERS: "admin:secret",
});
const ofListener = namesAskedFor((env) => parseListenerSettings(env));

test("the reference has the tables of all parameters as the code has them", () => {
  expect(reference).toContain(parameterReference());
});

test("the reference has each variable that settings are read from", () => {
  expect(ofSettings.length).toBeGreaterThan(70);
  expect(ofSettings.filter((name) => !documented.includes(name))).toEqual([]);
});

test("the reference has each variable of the swarm listener", () => {
  expect(ofListener.length).toBeGreaterThan(18);
  expect(ofListener.filter((name) => !documented.includes(name))).toEqual([]);
});

test("the reference has no variable twice, and none that nobody reads", () => {
  const elsewhere = ["CERTS", "HAPROXY", "LOG_LEVEL"]; // an obsolete one, and two of main.ts
  const read = new Set([...ofSettings, ...ofListener, ...elsewhere]); // PORT is the listener's too, when it is alone
  expect([...documented].sort()).toEqual([...read].sort());
});

test("secrets of all variables of settings are asked for, as the reference says, but for the folder of secrets", () => {
  const asked = new Set<string>();
  readSettings({ STATS_USER: "admin", STATS_PASS: "secret", USERS: "admin:secret" }, (name) => {
    asked.add(name);
    return undefined;
  });
  const withSecret = reference
    .split("\n")
    .flatMap((line) => /^\| `([A-Z_0-9]+)` \|[^|]*\| yes \|/.exec(line)?.[1] ?? []);
  expect(withSecret.filter((name) => !asked.has(`dfp_${name.toLowerCase()}`))).toEqual([]);
  expect(withSecret.sort()).toEqual(ofSettings.filter((name) => name !== "SECRETS_PATH"));
});
