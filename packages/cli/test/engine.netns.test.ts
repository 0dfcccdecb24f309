import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { silentLogger, systemClock } from "@skep/model";
import { RuntimeServer, wrapperPath } from "@skep/runtime";
import { PrivateEngine, privateEngineProblem } from "@skep/testkit";
import { afterAll, expect, test } from "vitest";
import { install as registerRuntime } from "../src/engine/registration.ts";
import { run } from "../src/run.ts";

const problem = privateEngineProblem();

/** As operators write it, and not as a program would. */
const before = `{
    "debug": false,   "log-opts": {"max-size": "10m",
                                   "max-file": "2"},
    "labels": ["a=b", "c=d"]
}
`;

const folder = mkdtempSync(join(tmpdir(), "skep-cli-engine-"));
const configFile = join(folder, "daemon.json");
const runtimeSocket = join(folder, "runtime.sock");

async function skep(engine: PrivateEngine, name: string, ...more: string[]) {
  const own = ["--socket", engine.socketPath, "--pidfile", join(dirname(engine.socketPath), "pid")];
  let stdout = "";
  let stderr = "";
  const exitCode = await run(["engine", name, ...own, ...more], {
    stdout: { write: (text) => (stdout += text) },
    stderr: { write: (text) => (stderr += text) },
    environment: {},
  });
  return { exitCode, stdout, stderr };
}

const install = (engine: PrivateEngine) => skep(engine, "install", "--runtime-socket", runtimeSocket);

afterAll(() => rmSync(folder, { recursive: true, force: true }));

test.skipIf(problem !== undefined)(
  `an engine that runs containers gets the runtime and loses it again, and none of them notices (${problem ?? "as root"})`,
  { timeout: 60_000 },
  async () => {
    writeFileSync(configFile, before);
    await using engine = await PrivateEngine.start(["--config-file", configFile, "--bridge", "none"]);
    const docker = (...args: string[]) => engine.docker(args);
    const none = ["--network", "none"];
    await engine.importBusybox();
    await docker("run", "-d", "--name", "old", "--restart", "always", ...none, "busybox:test", "sleep", "1000");
    const seen = () => docker("inspect", "--format", "{{.State.Pid}} {{.State.StartedAt}} {{.RestartCount}}", "old");
    const old = await seen();

    expect(await skep(engine, "status")).toMatchObject({
      exitCode: 1,
      stdout: expect.stringContaining("not there: skep engine install"),
    });
    expect(await install(engine)).toEqual({
      ...{ exitCode: 0, stderr: "" },
      stdout: `the engine now has the runtime skep (${wrapperPath}), and so has ${configFile}; no container was restarted\n`,
    });
    const installed = readFileSync(configFile, "utf8");
    expect(installed.startsWith(before.slice(0, before.lastIndexOf("]") + 1))).toBe(true);
    expect(JSON.parse(installed).runtimes).toEqual({
      skep: { path: wrapperPath, runtimeArgs: [`--skep-socket=${runtimeSocket}`] },
    });
    expect((await install(engine)).stdout).toBe(`${configFile} has the runtime skep already\n`);
    expect(await skep(engine, "status")).toMatchObject({ exitCode: 0, stdout: expect.stringContaining(wrapperPath) });

    let starts = 0;
    await using _ = await RuntimeServer.listen({
      ...{ socketPath: runtimeSocket, log: silentLogger, clock: systemClock },
      onStart: async () => {
        starts++;
      },
    });
    await docker("run", "--name", "new", "--runtime", "skep", ...none, "busybox:test", "true");
    expect(starts).toBe(1);

    expect(await skep(engine, "remove")).toEqual({
      ...{ exitCode: 1, stdout: "" },
      stderr: "skep: 1 container needs the runtime skep (new): remove them first, services with: docker service rm\n",
    });
    await docker("rm", "new");
    expect(await skep(engine, "remove")).toMatchObject({ exitCode: 0, stderr: "" });
    expect(readFileSync(configFile, "utf8")).toBe(before);
    expect(existsSync(`${configFile}.skep-backup`)).toBe(false);
    expect(await docker("info", "--format", "{{json .Runtimes}}")).not.toContain("skep");
    expect((await skep(engine, "remove")).stdout).toBe("the engine has no runtime skep; nothing to do\n");
    expect(await seen()).toBe(old);
    expect(JSON.parse(await docker("info", "--format", "{{json .LiveRestoreEnabled}}"))).toBe(false);

    writeFileSync(configFile, "{ bad");
    expect(await install(engine)).toMatchObject({
      exitCode: 1,
      stderr: expect.stringContaining(`skep: ${configFile} cannot be used: it is not JSON`),
    });
    expect(readFileSync(configFile, "utf8")).toBe("{ bad");
    // dockerd reads this one and wants none of it
    const refused = '{"no-such-directive": 1}';
    writeFileSync(configFile, refused);
    const target = { socket: engine.socketPath, pidfile: join(dirname(engine.socketPath), "pid") };
    await expect(registerRuntime(target, { path: wrapperPath }, 1_000)).rejects.toThrow(
      "did not take its new configuration within 1 s",
    );
    expect(readFileSync(configFile, "utf8")).toBe(refused);
    expect(await seen()).toBe(old);
    await docker("rm", "-f", "old");
  },
);

test.skipIf(problem !== undefined)(
  `runtimes in dockerd's flags are told, as it would not start with both (${problem ?? "as root"})`,
  { timeout: 60_000 },
  async () => {
    writeFileSync(configFile, "{}");
    const flags = ["--config-file", configFile, "--bridge", "none", "--add-runtime"];
    {
      await using engine = await PrivateEngine.start([...flags, "other=/usr/sbin/runc"]);
      const { exitCode, stderr } = await install(engine);
      expect(exitCode).toBe(1);
      expect(stderr).toContain(
        "is started with --add-runtime other=/usr/sbin/runc, and refuses to have runtimes in its flags and in",
      );
      const elsewhere = await skep(engine, "install", "--config-file", "/etc/docker/other.json");
      expect(elsewhere.stderr).toContain(`reads ${configFile}, and not /etc/docker/other.json`);
    }
    await using engine = await PrivateEngine.start([...flags, `skep=${wrapperPath}`]);
    expect((await skep(engine, "install")).stdout).toContain("already; nothing to do");
    expect((await install(engine)).stderr).toContain("take the flag away, restart it, and repeat the command");
    expect((await skep(engine, "remove")).stderr).toContain("take the flag away and restart it");
    expect((await skep(engine, "status")).stdout).toContain("by dockerd's flag --add-runtime");
    expect(readFileSync(configFile, "utf8")).toBe("{}");
  },
);
