import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { Readable } from "node:stream";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import {
  createMachines,
  daemonPid,
  enterCommand,
  findLeftovers,
  initPid,
  killDaemon,
  killMachine,
  listMachines,
  loadImage,
  type Machine,
  machineState,
  removeMachine,
  requestOver,
  startMachine,
  stopMachine,
  systemHost,
} from "@skep/machine";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

const here = (file: string) => fileURLToPath(new URL(file, import.meta.url));
const skep = here("../../../bin/skep");
const isRoot = process.getuid?.() === 0;
const host = systemHost(process.env);

const optionsOf = (root: string) =>
  ({ root, host, subnet: "free", nameservers: "none", skepd: here("./stand-in-skepd.sh") }) as const;

const temporaryRoot = () => mkdtempSync(join(tmpdir(), "skep-machine-"));

/** Runs a command inside a node. */
function inside(machine: Machine, ...command: string[]): Promise<string> {
  const init = initPid(machine);
  if (init === undefined) throw new Error(`${machine.name} is stopped`);
  return host.run(enterCommand(init, command));
}

async function runSkep(root: string, ...args: string[]) {
  const child = spawn(skep, args, {
    env: { ...process.env, SKEP_MACHINE_ROOT: root },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const closed = once(child, "close");
  const [stdout, stderr] = await Promise.all([textOf(child.stdout), textOf(child.stderr)]);
  const [code] = (await closed) as [number];
  return { stdout, stderr, code };
}

async function textOf(stream: Readable): Promise<string> {
  let text = "";
  for await (const chunk of stream) text += chunk;
  return text;
}

async function importImage(machine: Machine, name: string): Promise<void> {
  const emptyTar = Buffer.alloc(10_240);
  const path = `/images/create?fromSrc=-&repo=${name}&tag=latest`;
  const { status } = await requestOver(machine.paths.engineSocket, path, {
    method: "POST",
    body: Readable.from([emptyTar]),
  });
  expect(status).toBe(200);
}

async function imageIds(machine: Machine): Promise<string[]> {
  const { body } = await requestOver(machine.paths.engineSocket, "/images/json");
  return (JSON.parse(body) as { Id: string }[]).map(({ Id }) => Id);
}

describe.skipIf(!isRoot)("two nodes (needs root)", { timeout: 60_000 }, () => {
  const root = temporaryRoot();
  let one: Machine;
  let two: Machine;

  beforeAll(async () => {
    [one, two] = (await createMachines(["node-1", "node-2"], optionsOf(root))) as [Machine, Machine];
  }, 60_000);

  afterAll(async () => {
    for (const { name } of await listMachines(root)) await removeMachine(root, name, { host, force: true });
    rmSync(root, { recursive: true, force: true });
  }, 60_000);

  test("reach each other, and this machine reaches them, by address", async () => {
    await inside(one, "busybox", "ping", "-c", "1", "-W", "5", two.address);
    await inside(two, "busybox", "ping", "-c", "1", "-W", "5", one.address);
    await host.run(["busybox", "ping", "-c", "1", "-W", "5", two.address]);
  });

  test("have a host name, a /run, a process tree and a resolver of their own", async () => {
    expect((await inside(two, "uname", "-n")).trim()).toBe("node-2");
    expect((await inside(two, "ls", "/run")).split("\n")).toEqual(expect.arrayContaining(["docker.sock", "skep"]));
    expect((await inside(two, "cat", "/proc/1/cmdline")).replaceAll("\0", " ").trim()).toBe("sleep infinity");
    expect(await inside(two, "cat", "/etc/resolv.conf")).toMatch(/^nameserver 10\.77\.\d+\.\d+\n$/);
  });

  test("answer to skep machine ls, ip, env and exec", async () => {
    const table = (await runSkep(root, "machine", "ls")).stdout.split("\n").map((line) => line.split(/ {3,}/));
    expect(table[0]).toEqual(["NAME", "DRIVER", "STATE", "ADDRESS", "DOCKER HOST", "SWARM"]);
    expect(table[1]).toEqual(["node-1", "netns", "running", one.address, `unix://${one.paths.skepSocket}`]);
    expect((await runSkep(root, "machine", "ip", "node-2")).stdout).toBe(`${two.address}\n`);
    const shell = spawn("sh", ["-c", `eval "$(${skep} machine env node-2)" && echo "$DOCKER_HOST"`], {
      env: { ...process.env, SKEP_MACHINE_ROOT: root },
    });
    expect(await textOf(shell.stdout)).toBe(`unix://${two.paths.skepSocket}\n`);
    const exec = await runSkep(root, "machine", "exec", "node-2", "--", "sh", "-c", "uname -n; echo no >&2; exit 7");
    expect(exec).toEqual({ stdout: "node-2\n", stderr: "no\n", code: 7 });
  });

  test("get an image from one another", async () => {
    await importImage(one, "tiny");
    await loadImage({
      image: "tiny:latest",
      from: one.paths.engineSocket,
      to: [{ name: "node-2", socket: two.paths.engineSocket }],
    });
    expect(await imageIds(two)).toEqual(await imageIds(one));
    const missing = await runSkep(root, "machine", "load", "--from", "node-1", "nothing:1", "node-2");
    expect(missing.code).toBe(1);
    expect(missing.stderr).toContain("nothing:1");
  });

  test("keep what they have over a stop and over a kill", async () => {
    const images = await imageIds(one);
    for (const end of [stopMachine, killMachine]) {
      await end(one);
      expect(machineState(one)).toBe("stopped");
      await startMachine(one, { root, host });
      expect(machineState(one)).toBe("running");
      expect(await imageIds(one)).toEqual(images);
    }
    await inside(two, "busybox", "ping", "-c", "1", "-W", "5", one.address);
  });

  test("get a killed skepd back without their engine being touched", async () => {
    const engine = daemonPid(two, "engine");
    expect(await killDaemon(two, "skepd")).toBe(true);
    expect(machineState(two)).toBe("degraded");
    await startMachine(two, { root, host });
    expect(machineState(two)).toBe("running");
    expect(daemonPid(two, "engine")).toBe(engine);
  });

  test("can be killed while somebody has stopped their skepd", async () => {
    const skepd = daemonPid(two, "skepd") ?? 0;
    process.kill(skepd, "SIGSTOP");
    const parent = /^PPid:\s(\d+)$/m.exec(readFileSync(`/proc/${skepd}/status`, "utf8"))?.[1];
    const isStopped = () => /^State:\sT/m.test(readFileSync(`/proc/${parent}/status`, "utf8"));
    while (!isStopped()) await delay(10);
    await killMachine(two);
    expect(machineState(two)).toBe("stopped");
    await startMachine(two, { root, host });
    expect(machineState(two)).toBe("running");
  });

  test("refuse a name that is taken, and to be removed while they run", async () => {
    await expect(createMachines(["node-1"], { root, host })).rejects.toThrow("a node named node-1 exists already");
    await expect(removeMachine(root, "node-1", { host })).rejects.toThrow("node node-1 is running");
    expect(await runSkep(root, "machine", "stop", "node-9")).toMatchObject({
      code: 1,
      stderr: "skep: no such node: node-9 (there are: node-1, node-2)\n",
    });
  });

  test("leave nothing when removed", async () => {
    expect(await runSkep(root, "machine", "rm", "-f", "node-1", "node-2")).toMatchObject({ code: 0 });
    expect(await findLeftovers(host, root, ["node-1", "node-2"])).toEqual([]);
  });
});

describe.skipIf(!isRoot)("an interrupted command (needs root)", { timeout: 60_000 }, () => {
  const names = ["node-1", "node-2"];

  const create = (root: string, wanted = names, environment: NodeJS.ProcessEnv = {}) =>
    spawn(process.execPath, [here("./create-and-tell.ts"), root, ...wanted], {
      stdio: ["ignore", "pipe", "inherit"],
      env: { ...process.env, ...environment },
    });

  const createUntil = async (root: string, step: string) => {
    const child = create(root);
    for await (const line of createInterface(child.stdout)) if (line === step) break;
    await killed(child);
  };

  const killed = async (child: ChildProcess) => {
    child.kill("SIGKILL");
    if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
  };

  /** As one would go on after it: what was not even recorded is made, the rest started. */
  const complete = async (root: string, wanted: readonly string[]) => {
    const reports = await listMachines(root);
    const recorded = reports.flatMap(({ machine }) => machine ?? []);
    for (const { name, machine } of reports)
      if (machine === undefined) await removeMachine(root, name, { host, force: true });
    const missing = wanted.filter((name) => !recorded.some((machine) => machine.name === name));
    const created = missing.length > 0 ? await createMachines(missing, optionsOf(root)) : [];
    await Promise.all(recorded.map((machine) => startMachine(machine, { root, host })));
    return [...recorded, ...created];
  };

  const expectCompleted = async (root: string, wanted = names) => {
    const machines = await complete(root, wanted);
    expect(machines.map(machineState)).toEqual(wanted.map(() => "running"));
    for (const machine of machines) {
      expect(JSON.parse(readFileSync(machine.paths.engineConfig, "utf8"))).toHaveProperty("runtimes.skep");
      for (const { address } of machines) await inside(machine, "busybox", "ping", "-c", "1", "-W", "5", address);
      expect(await inside(machine, "ip", "route")).toMatch(/^default via 10\.77\.\d+\.1 dev eth0/);
    }
  };

  const expectCleanRemoval = async (root: string) => {
    for (const name of names) await removeMachine(root, name, { host, force: true });
    expect(await findLeftovers(host, root, names)).toEqual([]);
    rmSync(root, { recursive: true, force: true });
  };

  describe.each(["network", "namespaces", "engine", "skepd"])("create killed at step %s", (step) => {
    test("is undone by rm -f", async () => {
      const root = temporaryRoot();
      await createUntil(root, step);
      await expectCleanRemoval(root);
    });

    test("is completed by start", async () => {
      const root = temporaryRoot();
      await createUntil(root, step);
      await expectCompleted(root);
      await expectCleanRemoval(root);
    });
  });

  test.each([60, 90, 120, 160, 200, 300])("create killed after %i ms is undone by rm -f", async (ms) => {
    const root = temporaryRoot();
    const child = create(root);
    await delay(ms);
    await killed(child);
    await expectCleanRemoval(root);
  });

  test("create killed at any of its commands is completed by start", { timeout: 240_000 }, async () => {
    for (let command = 1; ; command++) {
      const root = temporaryRoot();
      const child = create(root, ["node-1"], { KILL_AT_COMMAND: `${command}` });
      child.stdout.resume();
      const [code] = await once(child, "exit");
      if (code === 0) {
        expect(command).toBeGreaterThan(15);
        return await expectCleanRemoval(root);
      }
      await expectCompleted(root, ["node-1"]);
      await expectCleanRemoval(root);
    }
  });

  test("rm -f killed again and again is completed by the next one", async () => {
    const root = temporaryRoot();
    const child = create(root);
    await once(child, "exit");
    for (const ms of [150, 180, 210, 240]) {
      const removal = spawn(skep, ["machine", "--root", root, "rm", "-f", ...names], { stdio: "ignore" });
      await delay(ms);
      await killed(removal);
    }
    await expectCleanRemoval(root);
  });

  test("create that fails takes its node away and tells what the engine said", async () => {
    const root = temporaryRoot();
    const failing = createMachines(["node-1"], {
      ...{ ...optionsOf(root), skepd: false, engineOptions: ["no-such-flag=1"] },
    });
    await expect(failing).rejects.toThrow("unknown flag: --no-such-flag");
    expect(await findLeftovers(host, root, ["node-1"])).toEqual([]);
    rmSync(root, { recursive: true, force: true });
  });
});
