import { once } from "node:events";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { runCommand } from "@skep/testkit";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { until } from "./proxy-calls.ts";
import { ProxyScene } from "./proxy-scene.ts";

// The flags of Docker Flow Proxy. `--check` says what it reads, in the name of the variable that a flag stands for.

const isRoot = process.getuid?.() === 0;
const bin = fileURLToPath(new URL("../../../bin/skep-proxy", import.meta.url));

/** What `skep-proxy ...` has to say, and how it ends. */
async function said(env: Record<string, string>, ...flags: string[]): Promise<[number, string]> {
  const variables = Object.entries(env).map(([name, value]) => `${name}=${value}`);
  const { code, stdout, stderr } = await runCommand(["timeout", "20", "env", ...variables, bin, ...flags]);
  return [code, `${stdout}${stderr}`];
}

describe("the command line", () => {
  test.each([
    ["-p", "--port", "http", "PORT"],
    ["-i", "--ip", "nowhere", "IP"],
    ["-n", "--service-name", "a b", "SERVICE_NAME"],
    ["-l", "--listener-address", "a b", "LISTENER_ADDRESS"],
    ["-c", "--configs-path", "here", "CONFIGS_PATH"],
    ["-t", "--templates-path", "here", "TEMPLATES_PATH"],
  ])("%s and %s set a variable", async (short, long, value, variable) => {
    const [briefly, atLength] = await Promise.all(
      [short, long].map((flag) => said({}, "server", "--check", flag, value)),
    );
    expect(briefly).toEqual([
      1,
      expect.stringMatching(new RegExp(`^skep-proxy: ${variable} is "${value}", but must be`)),
    ]);
    expect(atLength).toEqual(briefly);
  });

  test("--proxy-instance-name is PROXY_INSTANCE_NAME's", async () => {
    const [code, text] = await said({}, "server", "--check", "--proxy-instance-name", "a\u0007");
    expect([code, text]).toEqual([1, expect.stringContaining("PROXY_INSTANCE_NAME must be one line")]);
  });

  test("-l may be repeated", async () => {
    const [code, text] = await said({}, "server", "--check", "-l", "listener", "-l", "not a host");
    expect([code, text]).toEqual([1, expect.stringContaining('LISTENER_ADDRESS is "not a host"')]);
  });

  test("a flag wins over the variable", async () => {
    const [code, text] = await said({ PORT: "8081" }, "server", "--check", "-p", "http");
    expect([code, text]).toEqual([1, expect.stringContaining('PORT is "http"')]);
    const [, other] = await said({ PORT: "http" }, "server", "--check", "-p", "8081", "-c", "here");
    expect(other).toContain('CONFIGS_PATH is "here"');
  });

  test("a check serves nothing, before or after the command's name", async () => {
    const folder = await mkdtemp(join(tmpdir(), "skep-proxy-check-"));
    const names = ["CONFIGS_PATH", "TEMPLATES_PATH", "CERTS_PATH", "RUN_PATH", "SECRETS_PATH"];
    const env = Object.fromEntries(names.map((name) => [name, join(folder, name)]));
    const valid = [0, "skep-proxy: the configuration is valid\n"];
    for (const flags of [["server", "--check"], ["--check"], ["check"]])
      expect([flags, await said(env, ...flags)]).toEqual([flags, valid]);
    expect(await readdir(folder)).toEqual([]);
    await rm(folder, { recursive: true });
  });

  test("without a command, or with an unknown one, usage is printed", async () => {
    expect(await said({})).toEqual([1, expect.stringContaining("Usage: skep-proxy")]);
    const [code, text] = await said({}, "serve");
    expect([code, text]).toEqual([1, expect.stringMatching(/unknown command|too many arguments/)]);
  });
});

test.each([
  ["http", "PORT: http is not a whole number"],
  ["70000", "PORT: 70000 is not a port"],
])("a listener on port %s says what is wrong", async (PORT, message) => {
  expect(await said({ PORT }, "listener")).toEqual([1, `skep-proxy: ${message}\n`]);
});

test("a listener whose port another has says so", async () => {
  const other = createServer().listen(0);
  await once(other, "listening");
  const { port } = other.address() as AddressInfo;
  const what = `the swarm listener cannot listen on port ${port}: address already in use; choose a free one: PORT`;
  expect(await said({ PORT: `${port}` }, "listener")).toEqual([1, `skep-proxy: ${what}\n`]);
  other.close();
});

describe.skipIf(!isRoot)(`where the control API listens${isRoot ? "" : ": skipped, it needs root"}`, () => {
  let scene: ProxyScene;

  beforeAll(async () => {
    scene = await ProxyScene.start();
    await scene.stopProxy();
    await scene.run("ip", "address", "add", "10.9.0.1/24", "dev", "lo");
  }, 60_000);

  afterAll(async () => {
    await scene?.[Symbol.asyncDispose]();
  }, 30_000);

  const pingAt = async (address: string) => (await scene.get(`http://${address}/v1/docker-flow-proxy/ping`)).status;

  test.each([
    [["-i", "10.9.0.1", "-p", "8081"], {}],
    [["--ip", "10.9.0.1", "--port", "8081"], { IP: "127.0.0.1", PORT: "8080" }],
    [[], { IP: "10.9.0.1", PORT: "8081" }],
  ])("with %j and %j it listens there, and nowhere else", async (flags, env) => {
    const proxy = scene.spawn([bin, "server", ...flags], { ...scene.env, ...env });
    const ended = once(proxy, "exit");
    await until(async () => (await pingAt("10.9.0.1:8081")) === 200);
    const others = ["127.0.0.1:8081", "10.9.0.1:8080", "127.0.0.1:8080"];
    expect(await Promise.all(others.map(pingAt))).toEqual([0, 0, 0]);
    proxy.kill();
    expect(await ended).toEqual([0, null]);
  });

  test.each([
    ["a taken port", ["-i", "10.9.0.1", "-p", "9001"], "10.9.0.1:9001: address already in use"],
    ["an address that is another host's", ["-i", "10.7.7.7"], "10.7.7.7:8080: address not available"],
  ])("%s ends the start with 1: what happened, where, and what to do", async (_, flags, what) => {
    const proxy = scene.spawn([bin, "server", ...flags], scene.env);
    expect(await once(proxy, "close")).toEqual([1, null]);
    const [line] = scene.said
      .split("\n")
      .filter((each) => each.startsWith("skep-proxy: "))
      .slice(-1);
    expect(line).toBe(
      `skep-proxy: the control API cannot listen on ${what}; choose a free port and an address of this host: -p and -i (PORT and IP)`,
    );
    expect(await scene.haproxyPids()).toEqual([]);
  });
});
