import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { daemonCommand, resolveConfig } from "./config.ts";

const flags = (...args: string[]) =>
  daemonCommand("0")
    .exitOverride()
    .parse(["node", "skepd", ...args])
    .opts();
const folder = mkdtempSync(join(tmpdir(), "skepd-config-"));
const file = (content: string) => {
  const path = join(folder, "skepd.json");
  writeFileSync(path, content);
  return path;
};

afterAll(() => rmSync(folder, { recursive: true }));

describe("resolveConfig", () => {
  test("has Docker-like defaults", () => {
    expect(resolveConfig(flags())).toEqual({
      dataRoot: "/var/lib/skep",
      hosts: ["unix:///run/skep/docker.sock"],
      engine: "/var/run/docker.sock",
      logLevel: "info",
    });
  });

  test("lets a flag win over the config file", () => {
    const path = file('{ "data-root": "/from/file", "engine": "/e.sock", "hosts": ["tcp://127.0.0.1:2375"] }');
    const config = resolveConfig(flags("--config", path, "--data-root", "/from/flag"));
    expect(config.dataRoot).toBe("/from/flag");
    expect(config.engine).toBe("/e.sock");
    expect(config.hosts).toEqual(["tcp://127.0.0.1:2375"]);
  });

  test("takes -H several times", () => {
    expect(resolveConfig(flags("-H", "unix:///a", "-H", "tcp://[::1]:2376")).hosts).toEqual([
      "unix:///a",
      "tcp://[::1]:2376",
    ]);
  });

  test.each([
    ['{ "dataroot": "/x" }', 'unknown setting "dataroot"'],
    ['{ "hosts": "unix:///x" }', '"hosts" must be a list of strings'],
    ["[]", "expected one JSON object"],
    ["{", "config file"],
    ['{ "log-level": "loud" }', 'log level "loud"'],
  ])("refuses the config file %s", (content, message) => {
    expect(() => resolveConfig(flags("--config", file(content)))).toThrow(message);
  });

  test("refuses a host it cannot serve, and half a TLS set-up", () => {
    expect(() => resolveConfig(flags("-H", "http://x"))).toThrow('host "http://x"');
    expect(() => resolveConfig(flags("--tlscert", "/c.pem"))).toThrow("TLS needs all three");
  });
});
