import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readPage, repository, runCommand, stepsOf } from "@skep/testkit";
import { afterAll, describe, expect, test } from "vitest";
import { clusterProblem } from "./operator.ts";
import { runSteps, wrongOutputs } from "./page-steps.ts";

const machines = mkdtempSync(join(tmpdir(), "skep-readme-"));
const env = { SKEP_MACHINE_ROOT: machines, DOCKER_CONFIG: join(machines, "docker-config") };
const names = ["node-1", "node-2", "node-3"];

describe.skipIf(clusterProblem())(`README.md ${clusterProblem() ?? ""}`, () => {
  afterAll(async () => {
    await runCommand([join(repository, "bin/skep"), "machine", "rm", "-f", ...names], {
      env: { ...process.env, ...env },
    });
    rmSync(machines, { recursive: true, force: true });
  });

  test("every command runs, in order, and prints what it shows", { timeout: 180_000 }, async () => {
    const steps = stepsOf(readPage("README.md"));
    const printed = await runSteps(steps, (shell) => shell, { env, folder: repository, timeoutMs: 170_000 });
    if (process.env.SKEP_SHOW) for (const [at, { line }] of steps.entries()) console.info(`${line}:\n${printed[at]}`);
    expect(wrongOutputs("README.md", steps, printed)).toEqual([]);
    const all = printed.join("\n");
    const answers = all.match(/^[0-9a-f]{12} \d+\.\d+\.\d+\.1$/gm) ?? [];
    expect(new Set(answers).size).toBe(3); // from every task, and all saw this machine
    expect(names.filter((name) => existsSync(join(machines, name)))).toEqual([]);
  });
});
