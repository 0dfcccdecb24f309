import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { runCommand } from "@skep/testkit";
import { afterAll, expect, test } from "vitest";

const repository = fileURLToPath(new URL("..", import.meta.url));
const readme = readFileSync(join(repository, "README.md"), "utf8");
const machines = mkdtempSync(join(tmpdir(), "skep-readme-"));
const env = { ...process.env, SKEP_MACHINE_ROOT: machines, DOCKER_CONFIG: join(machines, "docker-config") };

/** The README's `sh` blocks, in order, as one script: a variable set in one block is there in the next. */
const script = ["set -eu", ...[...readme.matchAll(/^```sh\n(.*?)^```$/gms)].map(([, block]) => block)].join("\n");

const run = (command: string) =>
  runCommand(["bash", "-c", `cd ${repository}; ${command}`], { env, timeoutMs: 170_000 });

afterAll(async () => {
  await run("bin/skep machine rm -f node-1 node-2 node-3");
  rmSync(machines, { recursive: true, force: true });
});

test("every command of the README runs, in order, and does what it says", { timeout: 180_000 }, async () => {
  const { stdout, stderr, code } = await run(script);
  expect({ code, stderr: code === 0 ? "" : stderr + stdout }).toEqual({ code: 0, stderr: "" });
  expect(stdout).toMatch(/node-3 +Ready +Active/);
  expect(stdout).toMatch(/web\.3 +web:local +node-\d +Running +Running/);
  const answers = stdout.match(/^[0-9a-f]{12} \d+\.\d+\.\d+\.1$/gm) ?? [];
  expect(new Set(answers).size).toBe(3); // from every task, and all saw this machine
  expect(stdout).toMatch(/^[0-9a-f]{12} 10\.0\.\d+\.\d+$/m); // the database, asked by its name
  expect(stdout).toMatch(/^node-3 +ready +\d+ +0$/m);
  expect(stdout).toContain("checks passed.");
  expect(stdout).toContain('"Message":"Distributed to all instances"');
  const routed = stdout.match(/[0-9a-f]{12} \d+\.\d+\.\d+\.1 \/demo\/hello$/gm) ?? [];
  expect(routed).toHaveLength(3);
  expect(stdout).toMatch(/^backend go-demo-be80\n {4}mode http\n {4}server go-demo go-demo:80$/m);
  expect(["node-1", "node-2", "node-3"].filter((name) => existsSync(join(machines, name)))).toEqual([]);
});
