import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { runCommand } from "@skep/testkit";
import { describe, expect, test } from "vitest";

// The flags of Docker Flow Proxy. `--check` says what it reads, in the name of the variable that a flag stands for.

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
