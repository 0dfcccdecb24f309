import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { DomainError, silentLogger, systemClock } from "@skep/model";
import { type ContainerStart, RuntimeServer, type RuntimeServerOptions, wrapperPath, writeHosts } from "@skep/runtime";
import { PrivateEngine, privateEngineProblem, runCommand } from "@skep/testkit";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";

const problem = privateEngineProblem();
const address = "10.0.1.10";

describe.skipIf(problem !== undefined)(`containers of a real engine (${problem ?? "as root"})`, () => {
  const folder = mkdtempSync(join(tmpdir(), "skep-runtime-"));
  const socketPath = join(folder, "runtime.sock");
  let engine: PrivateEngine;
  let server: RuntimeServer;
  let starts: ContainerStart[] = [];
  let onStart: RuntimeServerOptions["onStart"];

  const listen = () =>
    RuntimeServer.listen({
      ...{ socketPath, log: silentLogger, clock: systemClock },
      onStart: (start, signal) => {
        starts.push(start);
        return onStart(start, signal);
      },
    });

  async function run(...command: string[]): Promise<void> {
    const { code, stderr } = await runCommand(command);
    if (code !== 0) throw new DomainError("internal", `${command.join(" ")}: ${stderr}`);
  }

  /** An interface in the container whose other end is with the engine, and an address on it. */
  async function attach({ pid, hostsPath, hostname }: ContainerStart): Promise<void> {
    const inside = ["nsenter", `--net=/proc/${pid}/ns/net`, "ip"];
    const peer = ["peer", "name", "eth0", "netns", String(pid)];
    await run("ip", "-n", engine.namespace, "link", "add", `v${pid}`, "type", "veth", ...peer);
    await run(...inside, "address", "add", `${address}/24`, "dev", "eth0");
    await run(...inside, "link", "set", "eth0", "up");
    if (hostsPath !== undefined) await writeHosts(hostsPath, [{ address, names: [hostname] }]);
  }

  const docker = (...args: string[]) => engine.docker(args);
  const create = (name: string, ...command: string[]) =>
    docker(
      "create",
      "--name",
      name,
      "--hostname",
      name,
      "--network",
      "none",
      "--runtime",
      "skep",
      "busybox:test",
      ...command,
    );
  const pidOf = async (name: string) => Number(await docker("inspect", "--format", "{{.State.Pid}}", name));

  beforeAll(async () => {
    const runtime = `skep=${join(folder, "skep-runc")}`;
    // as runtimeArgs of daemon.json do, which --add-runtime has no words for
    await run(
      "sh",
      "-c",
      'printf "#!/bin/sh\\nexec %s --skep-socket=%s \\"\\$@\\"\\n" "$1" "$2" >"$3" && chmod +x "$3"',
      ...["sh", wrapperPath, socketPath, join(folder, "skep-runc")],
    );
    engine = await PrivateEngine.start(["--add-runtime", runtime, "--bridge", "none"]);
    await engine.importBusybox();
    server = await listen();
  }, 60_000);

  afterAll(async () => {
    await server?.close();
    await engine?.stop();
    rmSync(folder, { recursive: true, force: true });
  }, 60_000);

  beforeEach(() => {
    starts = [];
    onStart = attach;
  });

  test("have their networks and names when their first instruction runs", async () => {
    const id = await create(
      "first",
      "sh",
      "-c",
      "ip -o -4 address show dev eth0; cat /proc/sys/kernel/hostname; tail -n 1 /etc/hosts",
    );
    const output = await docker("start", "--attach", "first");
    expect(output).toContain(`inet ${address}/24`);
    expect(output.split("\n").slice(1)).toEqual(["first", `${address}\tfirst\t# skep`]);
    expect(starts).toMatchObject([{ containerId: id.trim(), hostname: "first" }]);
  });

  test("are attached anew when they are restarted, and left alone by exec", async () => {
    await create("again", "sleep", "1000");
    await docker("start", "again");
    expect(starts.map(({ pid }) => pid)).toEqual([await pidOf("again")]);
    await docker("restart", "-t", "0", "again");
    expect(starts.map(({ pid }) => pid)[1]).toBe(await pidOf("again"));
    expect(await docker("exec", "again", "ip", "-o", "-4", "address", "show", "dev", "eth0")).toContain(address);
    expect(await docker("exec", "again", "grep", "-c", "# skep", "/etc/hosts")).toBe("1");
    expect(starts).toHaveLength(2);
    await docker("rm", "-f", "again");
  });

  test("do not start when they are refused; the engine tells why, and they may be started again", async () => {
    onStart = () => Promise.reject(new DomainError("unavailable", 'network "web" has no address left:\nmake room'));
    await create("refused", "true");
    await expect(docker("start", "refused")).rejects.toThrow('skep: network "web" has no address left: make room');
    const [status, code, error = ""] = (
      await docker("inspect", "--format", "{{.State.Status}}|{{.State.ExitCode}}|{{.State.Error}}", "refused")
    ).split("|");
    expect({ status, code }).toEqual({ status: "created", code: "128" });
    expect(error).toContain('stderr: skep: network "web" has no address left: make room');
    onStart = attach;
    await docker("start", "--attach", "refused");
  });

  test("wait for a skepd that is not there, and go on when it comes", async () => {
    await server.close();
    await create("waiting", "true");
    let started = false;
    const starting = docker("start", "--attach", "waiting").then(() => {
      started = true;
    });
    await delay(1_000);
    expect(started).toBe(false);
    server = await listen();
    await starting;
    expect(starts).toHaveLength(1);
  });

  test("of other runtimes are none of its business", async () => {
    expect(await docker("run", "--rm", "--network", "none", "busybox:test", "echo", "hi")).toBe("hi");
    expect(starts).toEqual([]);
  });
});
