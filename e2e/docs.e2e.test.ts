import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { enterCommand, initPid } from "@skep/machine";
import { Cluster, filesOf, type Page, readPages, repository, type Step, stepsOf } from "@skep/testkit";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { clusterProblem } from "./operator.ts";
import { runSteps, wrongOutputs } from "./page-steps.ts";

// The pages of docs/ as a reader on a manager would follow them: inside node-1 of a swarm of three, where the API is at
// /run/skep/docker.sock and published ports answer on 127.0.0.1. README.md makes its own nodes, and has its own test.

const pages = readPages().filter((page) => page.path.startsWith("docs/") && stepsOf(page).length > 0);

describe.skipIf(clusterProblem())(`the pages of docs/ ${clusterProblem() ?? ""}`, () => {
  let cluster: Cluster;
  let folder: string;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "skep-docs-"));
    for (const name of ["bin", "images", "packaging"]) symlinkSync(join(repository, name), join(folder, name));
    cluster = await Cluster.create();
    await Promise.all([
      cluster.importTestImage("web:local", "web"),
      cluster.importTestImage("skep/proxy", "proxy"),
      cluster.importTestImage("skep/go-demo", "go-demo"),
    ]);
    await cluster.formSwarm();
  });

  afterAll(async () => {
    await cluster?.[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true, force: true });
    expect(await cluster?.leftovers()).toEqual([]);
  });

  async function leftOf(kind: "service" | "network", ...filter: readonly string[]): Promise<string[]> {
    const { stdout } = await cluster.docker("node-1", kind, "ls", "--format", "{{.Name}}", ...filter);
    return stdout.split("\n").filter(Boolean);
  }

  /** So that a page that fails is the only one. */
  afterEach(async () => {
    for (const name of await leftOf("service")) await cluster.docker("node-1", "service", "rm", name);
    for (const name of await leftOf("network", "--filter", "scope=swarm"))
      if (name !== "ingress") await cluster.docker("node-1", "network", "rm", name);
  });

  function run(page: Page, steps: readonly Step[]): Promise<string[]> {
    for (const [name, text] of filesOf(page)) writeFileSync(join(folder, name), text);
    const init = initPid(cluster.machine("node-1"));
    if (init === undefined) throw new Error("node-1 is stopped");
    return runSteps(steps, (shell) => enterCommand(init, shell), {
      env: {
        PATH: `${repository}/bin:${process.env.PATH}`,
        DOCKER_HOST: "unix:///run/skep/docker.sock",
        DOCKER_CONFIG: join(folder, "docker-config"),
      },
      folder,
      timeoutMs: 60_000,
    });
  }

  test.each(pages.map((page) => ({ path: page.path, page })))(
    "$path: its commands run, and print what it shows",
    {
      timeout: 70_000,
    },
    async ({ page, path }) => {
      const steps = stepsOf(page);
      const printed = await run(page, steps);
      expect(wrongOutputs(path, steps, printed)).toEqual([]);
      const { stdout } = await cluster.docker("node-1", "service", "ls", "--quiet");
      expect(stdout, "services that the page leaves behind").toBe("");
    },
  );
});
