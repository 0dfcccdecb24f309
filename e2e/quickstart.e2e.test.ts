import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { findLeftovers, findProcesses, systemHost } from "@skep/machine";
import { type CommandResult, repository, runCommand } from "@skep/testkit";
import { afterAll, describe, expect, test } from "vitest";
import { clusterProblem } from "./operator.ts";

const names = ["node-1", "node-2", "node-3"];
const folder = mkdtempSync(join(tmpdir(), "skep-quickstart-"));
const root = join(folder, "m");
const state = `${root}-quickstart`;
/** A caller whose docker CLI is pointed elsewhere. */
const env = {
  ...process.env,
  ...{ SKEP_MACHINE_ROOT: root, DOCKER_HOST: "tcp://127.0.0.1:1", DOCKER_CONTEXT: "elsewhere" },
};

const quickstart = (...args: readonly string[]): Promise<CommandResult> =>
  runCommand(["sh", join(repository, "scripts/quickstart.sh"), ...args], { env, timeoutMs: 170_000 });

/** In a shell of a reader who has typed the first line of the tour. */
const type = (command: string): Promise<CommandResult> =>
  runCommand(
    ["sh", "-c", `cd ${repository}; unset DOCKER_CONTEXT; eval "$(bin/skep machine env node-1)"; ${command}`],
    {
      env: { ...env, DOCKER_CONFIG: join(folder, "docker-config") },
      timeoutMs: 60_000,
    },
  );

/** Starts it, sends it a signal after a while, and resolves with how it ended and what it had told. */
async function interrupted(signal: NodeJS.Signals, afterMs: number, ...args: readonly string[]) {
  const child = spawn("sh", [join(repository, "scripts/quickstart.sh"), ...args], { env });
  let told = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => (told += chunk));
  const ended = new Promise<number | null>((resolve) => child.once("close", (code) => resolve(code)));
  await delay(afterMs);
  child.kill(signal);
  return { code: await ended, told };
}

/** What a quickstart in this place has left on the machine, one line each. */
async function leftovers(): Promise<string[]> {
  const host = systemHost(process.env);
  const rules = await host.run(["iptables-save"]).catch(() => "");
  return [
    ...(await findLeftovers(host, root, names)),
    ...[root, state].filter((path) => existsSync(path)).map((path) => `folder ${path}`),
    ...rules.split("\n").filter((line) => line.includes(folder)),
    ...findProcesses({ marker: `\0SKEP_QUICKSTART=${state}`, namespaces: new Set() }).map(
      ({ pid }) => `process ${pid}`,
    ),
  ];
}

afterAll(async () => {
  await quickstart("down");
  rmSync(folder, { recursive: true, force: true });
});

describe.skipIf(clusterProblem())("npm run quickstart", () => {
  test("killed three times at any moment and started again, it gets to the end", { timeout: 240_000 }, async () => {
    for (const longestMs of [1500, 5000, 12_000]) await interrupted("SIGKILL", 300 + Math.random() * longestMs);
    const { code, stdout, stderr } = await quickstart();
    expect(code, stdout + stderr).toBe(0);
    expect(stdout).toMatch(/node-3 +Ready +Active/);
    expect(stdout).toMatch(/go-demo-db\.\s+\d+\s+IN\s+A\s+10\.0\.\d+\.\d+/);
    expect(stdout).toContain("HTTP/1.1 200 OK");
    expect(stdout).toContain("120 hello, world!");
    expect(stdout.match(/^ +10\.0\.\d+\.\d+ +█+ 2[34567]$/gm)).toHaveLength(5);
    for (const seen of [
      "✓ from network go-demo: reached",
      "✓ from network proxy: no such name",
      "✓ from network proxy: no way to its address",
      "✓ from outside: no port, on no node",
    ])
      expect(stdout).toContain(seen);
    expect(stdout).toContain("npm run quickstart -- down");
    expect(stdout).not.toContain("\x1b");
  });

  test("then the chapter's commands, typed by hand, do what the chapter shows", async () => {
    for (const name of names) {
      const { stdout } = await type(`curl -si "http://$(bin/skep machine ip ${name})/demo/hello"`);
      expect(stdout).toMatch(/^HTTP\/1\.1 200 OK\r\n(.*\r\n)*content-length: 14\r\n(.*\r\n)*\r\nhello, world!\n$/i);
    }
    const services = (await type("docker service ls --format '{{.Name}} {{.Mode}} {{.Replicas}}'")).stdout;
    expect(services.trim().split("\n").sort()).toEqual([
      "go-demo replicated 5/5",
      "go-demo-db replicated 1/1",
      "proxy replicated 2/2",
      "util global 3/3",
    ]);
    expect((await type("docker service scale --detach go-demo=2")).stdout).toContain("go-demo scaled to 2");
    const id = "ID=$(docker ps -q --filter label=com.docker.swarm.service.name=util)";
    expect((await type(`${id}; docker exec $ID drill go-demo-db`)).stdout).toMatch(/IN\s+A\s+10\.0\./);
  });

  test("started again it says that it is there, makes what is missing, and changes nothing else", async () => {
    const services = "docker service ls -q --filter name=proxy; docker node ls -q";
    const before = (await type(services)).stdout;
    const { code, stdout, stderr } = await quickstart();
    expect(code, stdout + stderr).toBe(0);
    expect(stdout).toContain("There is a quickstart here already.");
    expect(stdout).toMatch(/✓ proxy: 2 of 2 tasks run {2}there already/);
    expect(stdout).toMatch(/✓ go-demo: 5 of 5 tasks run(?! {2}there already)/); // it was scaled down meanwhile
    expect((await type(services)).stdout).toBe(before);
  });

  test("two at once: the second is told; Ctrl-C says where it is and how to go on", async () => {
    const first = interrupted("SIGINT", 2500);
    await delay(1500);
    const second = await quickstart("down");
    expect(second.code).toBe(1);
    expect(second.stderr).toMatch(/another quickstart is at work \(process \d+\)/);
    const { code, told } = await first;
    expect(code).toBe(130);
    expect(told).toMatch(/Interrupted at step \d+, .*\n\n {2}How to go on\n {4}npm run quickstart {2}/);
  });

  test("down, killed half-way and repeated, leaves nothing", async () => {
    await interrupted("SIGKILL", 300 + Math.random() * 1000, "down");
    const { code, stdout, stderr } = await quickstart("down");
    expect(code, stdout + stderr).toBe(0);
    expect(await leftovers()).toEqual([]);
    expect((await quickstart("down")).stdout).toContain("nothing to remove");
  });

  test("down after a start that was killed leaves nothing either", async () => {
    for (const longestMs of [1000, 6000]) {
      await interrupted("SIGKILL", 300 + Math.random() * longestMs);
      expect((await quickstart("down")).code).toBe(0);
      expect(await leftovers()).toEqual([]);
    }
  });
});
