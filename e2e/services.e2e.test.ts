import { existsSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { requestOver } from "@skep/machine";
import { Cluster } from "@skep/testkit";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { eventually } from "./cluster-helpers.ts";
import { clusterProblem, Operator, polite, quick, quickUpdates, sleeper, type TaskView } from "./operator.ts";

const clis = ["/usr/bin/docker", "/usr/local/bin/docker"].filter((path) => existsSync(path));

const states = (tasks: readonly TaskView[]) => tasks.map(({ Slot, Status }) => `${Slot} ${Status.State}`);
const containerIds = (tasks: readonly TaskView[]) => tasks.map(({ Status }) => Status.ContainerStatus?.ContainerID);
const images = (tasks: readonly TaskView[]) => tasks.map(({ Spec }) => Spec.ContainerSpec.Image);

describe.skipIf(clusterProblem())(`services on three nodes ${clusterProblem() ?? ""}`, () => {
  let cluster: Cluster;
  let swarm: Operator;

  beforeAll(async () => {
    cluster = await Cluster.create({ nodes: 3 });
    await cluster.importTestImage("alpine:latest");
    await cluster.importTestImage("alpine:2");
    await cluster.formSwarm();
    swarm = new Operator(cluster);
  });

  afterEach(() => swarm.clear());

  afterAll(async () => {
    await cluster?.[Symbol.asyncDispose]();
    expect(await cluster?.leftovers()).toEqual([]);
  });

  describe.each(clis)("with the CLI %s", (cli) => {
    test("goes through a service's whole life", async () => {
      const operator = new Operator(cluster, "node-1", cli);
      const flags = ["--no-resolve-image", "--stop-grace-period", "1s", ...quickUpdates, "--label", "team=bees"];
      const id = await operator.docker("service", "create", ...flags, "--name", "web", "--replicas", "3", ...polite);
      expect(id).toMatch(/^[0-9a-z]{25}\n(.*\n)*.*converged/);

      expect(await operator.docker("service", "ls")).toMatch(/^ID .*\n\w{12} +web +replicated +3\/3 +alpine:latest\b/);
      const rows = (await operator.docker("service", "ps", "web")).trim().split("\n");
      expect(rows).toHaveLength(4);
      for (const row of rows.slice(1)) {
        expect(row).toMatch(
          /^\w{12} +web\.[123] +alpine:latest +node-[123] +Running +Running (less than a|\d+) seconds? ago/,
        );
      }
      const pretty = await operator.docker("service", "inspect", "--pretty", "web");
      expect(pretty).toMatch(/Name:\s+web\nLabels:\n team=bees\nService Mode:\s+Replicated\n Replicas:\s+3/);
      const [inspected] = JSON.parse(await operator.docker("service", "inspect", "web"));
      expect(inspected.Spec).toMatchObject({
        Name: "web",
        Labels: { team: "bees" },
        Mode: { Replicated: { Replicas: 3 } },
      });

      expect(await operator.docker("service", "scale", "web=2")).toMatch(/web scaled to 2[\s\S]*converged/);
      expect(await operator.docker("service", "update", "--no-resolve-image", "--env-add", "A=1", "web")).toMatch(
        /converged/,
      );
      expect((await operator.untilRunning("web", 2)).map(({ Spec }) => Spec.ContainerSpec.Env)).toEqual([
        ["A=1"],
        ["A=1"],
      ]);
      expect(await operator.docker("service", "rollback", "web")).toMatch(
        /rollback: manually requested rollback|rolling back|converged/,
      );
      expect((await operator.untilRunning("web", 2)).map(({ Spec }) => Spec.ContainerSpec.Env)).toEqual([
        undefined,
        undefined,
      ]);
      expect(await operator.docker("service", "logs", "--raw", "web")).toMatch(/^started\nstarted\n/);
      expect(await operator.docker("service", "rm", "web")).toBe("web\n");
      expect(await operator.docker("service", "ls", "-q")).toBe("");
      await eventually(async () => expect(await operator.containers()).toEqual([]));
      expect(await operator.tasks()).toEqual([]);
    });
  });

  test("scales up and down without touching the tasks that stay", async () => {
    const before = containerIds(await swarm.start("scaled", 3));
    await swarm.docker("service", "scale", "-d", "scaled=9");
    const grown = containerIds(await swarm.untilRunning("scaled", 9));
    expect(grown).toEqual(expect.arrayContaining(before));
    expect(await swarm.places("scaled")).toEqual(["1", "1", "1", "2", "2", "2", "3", "3", "3"].map((n) => `node-${n}`));
    await swarm.docker("service", "scale", "-d", "scaled=3");
    const shrunk = containerIds(await swarm.untilRunning("scaled", 3));
    expect(grown).toEqual(expect.arrayContaining(shrunk));
    expect(await swarm.places("scaled")).toEqual(["node-1", "node-2", "node-3"]);
    await eventually(async () => expect(await swarm.containers()).toHaveLength(3));
    expect(await swarm.tasks("scaled")).toHaveLength(3);
    await swarm.docker("service", "scale", "-d", "scaled=0");
    await eventually(async () => expect(await swarm.containers()).toEqual([]));
    expect(await swarm.docker("service", "ls", "--format", "{{.Replicas}}")).toBe("0/0\n");
  });

  describe("updates", () => {
    const lives = async (service: string) =>
      (await swarm.containers())
        .filter((one) => one.service === service)
        .toSorted((a, b) => a.startedAt.localeCompare(b.startedAt));

    test("stop-first starts a replacement when its predecessor has ended, one slot after the other", async () => {
      await swarm.start("upd", 3, ["--update-delay", "1s"], polite);
      await swarm.docker("service", "update", "-d", "--no-resolve-image", "--image", "alpine:2", "upd");
      expect(await swarm.untilUpdate("upd", "completed")).toBe("update completed");
      expect(images(await swarm.untilRunning("upd", 3))).toEqual(["alpine:2", "alpine:2", "alpine:2"]);
      const replaced = await lives("upd");
      expect(replaced.map(({ state }) => state)).toEqual([
        "exited",
        "exited",
        "exited",
        "running",
        "running",
        "running",
      ]);
      for (const [i, { startedAt }] of replaced.slice(3).entries()) {
        const ended = replaced.filter(({ state, finishedAt }) => state === "exited" && finishedAt < startedAt);
        expect(ended).toHaveLength(i + 1);
      }
      const starts = replaced.slice(3).map(({ startedAt }) => Date.parse(startedAt));
      expect(Math.min(...starts.slice(1).map((at, i) => at - (starts[i] ?? 0)))).toBeGreaterThan(1000);
    });

    test("start-first ends a task only when its replacement runs, also all slots at once", async () => {
      await swarm.start("upd", 3, ["--update-order", "start-first", "--update-parallelism", "0"], polite);
      await swarm.docker("service", "update", "-d", "--no-resolve-image", "--image", "alpine:2", "upd");
      await swarm.untilUpdate("upd", "completed");
      await swarm.untilRunning("upd", 3);
      const all = await lives("upd");
      expect(all.map(({ state }) => state)).toEqual(["exited", "exited", "exited", "running", "running", "running"]);
      for (const old of all.slice(0, 3)) {
        const slot = old.name.split(".")[1];
        const heir = all.slice(3).find(({ name }) => name.split(".")[1] === slot);
        expect(heir?.startedAt.localeCompare(old.finishedAt)).toBe(-1);
      }
    });

    const breakIt = (service: string, ...flags: readonly string[]) =>
      swarm.docker("service", "update", "-d", "--no-resolve-image", ...flags, service);

    /** Without a delay the next slot's turn comes as soon as a task runs, maybe before it has failed. */
    const unhurried = ["--update-delay", "2s"];

    test.each([
      ["an image nobody has", ["--image", "alpine:nosuchtag"], /No such image: alpine:nosuchtag/],
      [
        "a program that is not there",
        ["--args", "/no/such/program"],
        /starting container failed: .*no such file or directory/,
      ],
      ["a program that fails", ["--args", "sh -c 'exit 7'"], /task: non-zero exit \(7\)/],
    ])("an update to %s pauses, and the other replicas stay as they were", async (_, flags, why) => {
      const before = await swarm.start("upd", 3, ["--restart-delay", "1s", ...unhurried]);
      await breakIt("upd", ...flags);
      expect(await swarm.untilUpdate("upd", "paused")).toMatch(
        /^update paused due to failure or early termination of task \w{25}$/,
      );
      const survivors = (await swarm.wanted("upd")).filter(({ Status }) => Status.State === "running");
      expect(survivors).toHaveLength(2);
      expect(containerIds(before)).toEqual(expect.arrayContaining(containerIds(survivors)));
      expect(await swarm.docker("service", "ps", "--no-trunc", "upd")).toMatch(why);
      expect(await swarm.docker("service", "inspect", "--pretty", "upd")).toMatch(/UpdateStatus:\n State:\s+paused/);

      await swarm.docker("service", "rollback", "-d", "upd");
      expect(await swarm.untilUpdate("upd", "rollback_completed")).toBe("rollback completed");
      expect(containerIds(await swarm.untilRunning("upd", 3))).toEqual(expect.arrayContaining(containerIds(survivors)));
    });

    test.each([
      ["an image nobody has", ["--image", "alpine:nosuchtag"]],
      ["a program that fails", ["--args", "false"]],
    ])("an update to %s rolls back by itself when asked to", async (_, flags) => {
      const before = await swarm.start("upd", 3, ["--update-failure-action", "rollback", ...unhurried]);
      await breakIt("upd", ...flags);
      expect(await swarm.untilUpdate("upd", "rollback_completed")).toBe("rollback completed");
      const after = await swarm.untilRunning("upd", 3);
      expect(images(after)).toEqual(images(before));
      expect(containerIds(after).filter((id) => containerIds(before).includes(id))).toHaveLength(2);
      expect((await swarm.inspect("upd")).PreviousSpec).toBeUndefined();
    });

    test("an update to an image nobody has goes on when asked to, and a good one heals it", async () => {
      await swarm.start("upd", 3, ["--update-failure-action", "continue", "--restart-delay", "1s"]);
      await breakIt("upd", "--image", "alpine:nosuchtag");
      expect(await swarm.untilUpdate("upd", "completed")).toBe("update completed");
      expect(new Set(images((await swarm.tasks("upd")).filter((task) => task.DesiredState !== "shutdown")))).toEqual(
        new Set(["alpine:nosuchtag"]),
      );
      await eventually(async () => {
        expect(await swarm.docker("service", "ls", "--format", "{{.Replicas}}")).toBe("0/3\n");
      });
      await breakIt("upd", "--image", "alpine:2");
      expect(images(await swarm.untilRunning("upd", 3))).toEqual(["alpine:2", "alpine:2", "alpine:2"]);
    });

    test("a share of failures up to the ratio does not stop an update", async () => {
      const flags = ["--update-max-failure-ratio", "0.5", "--restart-condition", "none"];
      const fails = ["sh", "-c", 'if [ "$SLOT" = 1 ]; then exit 4; fi; exec sleep 100000'];
      await swarm.start("upd", 3, flags);
      await breakIt("upd", "--env-add", "SLOT={{.Task.Slot}}", "--args", `${fails[0]} ${fails[1]} '${fails[2]}'`);
      expect(await swarm.untilUpdate("upd", "completed")).toBe("update completed");
      expect(states((await swarm.tasks("upd")).filter(({ Spec }) => Spec.ContainerSpec.Env))).toEqual([
        "1 failed",
        "2 running",
        "3 running",
      ]);
    });

    test("a rollback that fails too is paused", async () => {
      await swarm.start(
        "upd",
        2,
        ["--update-failure-action", "rollback"],
        ["alpine:latest", "sh", "-c", "test ! -e /flag/x && sleep 100000"],
      );
      for (const node of cluster.names) await cluster.exec(node, "mkdir", "-p", "/run/flag");
      await breakIt("upd", "--mount-add", "type=bind,source=/run/flag,target=/flag");
      await swarm.untilUpdate("upd", "completed");
      for (const node of cluster.names) await cluster.exec(node, "touch", "/run/flag/x");
      await breakIt("upd", "--image", "alpine:nosuchtag");
      expect(await swarm.untilUpdate("upd", "rollback_paused")).toMatch(
        /^rollback paused due to failure or early termination of task \w{25}$/,
      );
      for (const node of cluster.names) await cluster.exec(node, "rm", "/run/flag/x");
    });

    test("--force replaces every task, and changes to labels none", async () => {
      const before = containerIds(await swarm.start("upd", 2));
      await swarm.docker("service", "update", "-d", "--label-add", "a=b", "upd");
      expect((await swarm.inspect("upd")).UpdateStatus).toBeUndefined();
      expect(containerIds(await swarm.untilRunning("upd", 2))).toEqual(before);
      await swarm.docker("service", "update", "-d", "--no-resolve-image", "--force", "upd");
      await swarm.untilUpdate("upd", "completed");
      const after = containerIds(await swarm.untilRunning("upd", 2));
      expect(after.filter((id) => before.includes(id))).toEqual([]);
    });

    test("a newer update takes over one that is stuck", async () => {
      await swarm.start("upd", 2);
      await breakIt("upd", "--constraint-add", "node.labels.nowhere==yes", "--env-add", "A=1");
      await eventually(async () => expect(await swarm.docker("service", "ps", "upd")).toMatch(/no suitable node/));
      expect((await swarm.inspect("upd")).UpdateStatus.State).toBe("updating");
      await breakIt("upd", "--constraint-rm", "node.labels.nowhere==yes");
      await swarm.untilUpdate("upd", "completed");
      await swarm.untilRunning("upd", 2);
      expect(await swarm.running("upd")).toHaveLength(2);
    });
  });

  test("keeps as much history as the swarm says, and its containers with it", async () => {
    await swarm.docker("swarm", "update", "--task-history-limit", "2");
    await swarm.start("hist", 1);
    for (const value of ["1", "2", "3"]) {
      await swarm.docker("service", "update", "-d", "--no-resolve-image", "--env-add", `A=${value}`, "hist");
      await eventually(async () =>
        expect((await swarm.wanted("hist"))[0]?.Spec.ContainerSpec.Env).toEqual([`A=${value}`]),
      );
      await swarm.untilRunning("hist", 1);
    }
    await eventually(async () => {
      const tasks = await swarm.tasks("hist");
      expect(tasks.map(({ Spec, Status }) => `${Spec.ContainerSpec.Env} ${Status.State}`)).toEqual([
        "A=2 shutdown",
        "A=3 running",
      ]);
      expect((await swarm.containers()).map(({ taskId }) => taskId).toSorted()).toEqual(
        tasks.map(({ ID }) => ID).toSorted(),
      );
    });
    await swarm.docker("swarm", "update", "--task-history-limit", "5");
  });

  describe("restarts", () => {
    const fails = ["alpine:latest", "sh", "-c", "exit 3"];
    const succeeds = ["alpine:latest", "sh", "-c", "exit 0"];
    const create = (name: string, flags: readonly string[], command: readonly string[]) =>
      swarm.docker("service", "create", ...quick, "--restart-delay", "200ms", "--name", name, ...flags, ...command);
    const ended = (name: string, expected: readonly string[]) =>
      eventually(async () => expect((await swarm.tasks(name)).map(({ Status }) => Status.State)).toEqual(expected));

    test("end as the restart policy says", async () => {
      await create("never", ["--restart-condition", "none"], fails);
      await create("thrice", ["--restart-max-attempts", "2"], fails);
      await create("onfail", ["--restart-condition", "on-failure"], succeeds);
      await ended("never", ["failed"]);
      await ended("thrice", ["failed", "failed", "failed"]);
      await ended("onfail", ["complete"]);
      await create("always", [], succeeds);
      await eventually(async () => expect((await swarm.tasks("always")).length).toBeGreaterThan(3));
      await ended("never", ["failed"]);
      await ended("thrice", ["failed", "failed", "failed"]);
      await ended("onfail", ["complete"]);
      expect(await swarm.docker("service", "ps", "never", "--format", "{{.DesiredState}} {{.Error}}")).toMatch(
        /Shutdown .*task: non-zero exit \(3\)/,
      );
    });

    test("wait for the delay, and a killed or removed container counts as an end", async () => {
      const [first] = await swarm.start("killed", 1, ["--restart-delay", "3s"]);
      const node = await swarm.nodeName(first?.NodeID);
      await cluster.engine(node, "kill", first?.Status.ContainerStatus?.ContainerID ?? "");
      await eventually(async () => expect((await swarm.tasks("killed"))[0]?.Status.State).toBe("failed"));
      expect((await swarm.tasks("killed"))[0]?.Status.Err).toBe("task: non-zero exit (137)");
      const [second] = await swarm.untilRunning("killed", 1);
      const [dead, alive] = (await swarm.containers()).toSorted((a, b) => a.startedAt.localeCompare(b.startedAt));
      expect(Date.parse(alive?.startedAt ?? "") - Date.parse(dead?.finishedAt ?? "")).toBeGreaterThanOrEqual(2900);
      const later = await swarm.nodeName(second?.NodeID);
      await cluster.engine(later, "rm", "-f", second?.Status.ContainerStatus?.ContainerID ?? "");
      await eventually(async () => expect(await swarm.tasks("killed")).toHaveLength(3));
      await swarm.untilRunning("killed", 1);
      expect(await swarm.running("killed")).toHaveLength(1);
    });
  });

  describe("health", () => {
    const gated = [
      "--health-cmd",
      "test -e /tmp/well",
      "--health-interval",
      "200ms",
      "--health-retries",
      "2",
      "--health-start-period",
      "60s",
    ];

    const heal = async (service: string) => {
      for (const { node, id } of await swarm.running(service))
        await cluster.engine(node, "exec", id, "touch", "/tmp/well");
    };

    test("a task runs when its health check says so, and fails when it no longer does", async () => {
      await swarm.docker(
        "service",
        "create",
        ...quick,
        "--restart-delay",
        "200ms",
        "--name",
        "well",
        ...gated,
        ...sleeper,
      );
      await eventually(async () => expect(states(await swarm.tasks("well"))).toEqual(["1 starting"]));
      await eventually(async () => expect(await swarm.running("well")).toHaveLength(1));
      await sleep(1000);
      expect(states(await swarm.tasks("well"))).toEqual(["1 starting"]);
      expect(await swarm.docker("service", "ls", "--format", "{{.Replicas}}")).toBe("0/1\n");
      await heal("well");
      const [task] = await swarm.untilRunning("well", 1);
      const [container] = await swarm.running("well");
      await cluster.engine(container?.node ?? "", "exec", container?.id ?? "", "rm", "/tmp/well");
      await eventually(async () => {
        const status = (await swarm.tasks("well")).find(({ ID }) => ID === task?.ID)?.Status;
        expect(status).toMatchObject({
          State: "failed",
          Err: "task: non-zero exit (137): dockerexec: unhealthy container",
        });
      });
    });

    test("start-first keeps the old task until the new one is healthy", async () => {
      await swarm.docker(
        "service",
        "create",
        ...quick,
        "--name",
        "well",
        "--update-order",
        "start-first",
        ...gated,
        ...sleeper,
      );
      await eventually(async () => expect(await swarm.running("well")).toHaveLength(1));
      await heal("well");
      const [old] = await swarm.untilRunning("well", 1);
      await swarm.docker("service", "update", "-d", "--no-resolve-image", "--env-add", "A=1", "well");
      await eventually(async () => expect(await swarm.running("well")).toHaveLength(2));
      await sleep(1000);
      expect(states(await swarm.wanted("well"))).toEqual(["1 running", "1 starting"]);
      await heal("well");
      await eventually(async () => expect(await swarm.running("well")).toHaveLength(1));
      expect((await swarm.wanted("well")).map(({ ID }) => ID)).not.toContain(old?.ID);
    });
  });

  describe("logs", () => {
    const talker = ["alpine:latest", "sh", "-c", "echo one; echo two >&2; sleep 2; echo three; exec sleep 100000"];

    test("follow, tail, since, timestamps, details, one task's alone", async () => {
      const flags = ["--env", "COLOR=amber", "--log-driver", "json-file", "--log-opt", "env=COLOR"];
      const [task] = await swarm.start("talk", 1, flags, talker);
      const node = await swarm.nodeName(task?.NodeID);
      const id = task?.ID ?? "";
      const prefix = new RegExp(`^talk\\.1\\.${id.slice(0, 12)}@${node} +\\| `, "gm");
      const log = async (...args: readonly string[]) => {
        const { code, stdout, stderr } = await swarm.attempt("node-1", "service", "logs", ...args);
        expect(code, stderr).toBe(0);
        return { stdout, stderr };
      };

      const following = cluster.dockerWith({ timeoutMs: 6000 }, "node-1", "service", "logs", "-f", "--raw", "talk");
      await eventually(async () => {
        const { stdout, stderr } = await log("talk");
        expect(stdout.match(prefix)).toHaveLength(2);
        expect(stdout.replace(prefix, "")).toBe("one\nthree\n");
        expect(stderr.replace(prefix, "")).toBe("two\n");
      });
      expect(await log("--raw", id)).toEqual({ stdout: "one\nthree\n", stderr: "two\n" });
      expect(await log("--raw", "--tail", "1", "talk")).toEqual({ stdout: "three\n", stderr: "" });
      expect((await log("--details", "--tail", "1", "talk")).stdout.replace(prefix, "")).toBe("COLOR=amber three\n");
      expect((await log("--no-task-ids", "--no-resolve", "--tail", "1", "talk")).stdout).toMatch(
        /^\w+\.1@\w+ +\| three\n$/,
      );

      const stamped = (await log("--raw", "-t", "talk")).stdout.trim().split("\n");
      expect(stamped.map((line) => line.replace(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z /, ""))).toEqual([
        "one",
        "three",
      ]);
      const first = Date.parse(stamped[0]?.split(" ")[0] ?? "");
      const since = new Date(first + 1000).toISOString();
      expect(await log("--raw", "--since", since, "talk")).toEqual({ stdout: "three\n", stderr: "" });
      expect(await log("--raw", "--since", "1h", "talk")).toEqual({ stdout: "one\nthree\n", stderr: "two\n" });

      expect(await following).toMatchObject({ stdout: "one\nthree\n", stderr: "two\n" });
      expect(await swarm.refusal("service", "logs", "nosuch")).toBe("no such task or service: nosuch\n");
    });

    test("of all replicas, of tasks that come later while following, and of ended ones", async () => {
      await swarm.start("talk", 2, [], ["alpine:latest", "sh", "-c", "echo $HOSTNAME; exec sleep 100000"]);
      const following = cluster.dockerWith({ timeoutMs: 8000 }, "node-1", "service", "logs", "-f", "--raw", "talk");
      await eventually(async () =>
        expect((await swarm.docker("service", "logs", "--raw", "talk")).trim().split("\n")).toHaveLength(2),
      );
      await swarm.docker("service", "scale", "-d", "talk=4");
      await swarm.untilRunning("talk", 4);
      const hosts = (await swarm.running("talk")).map(({ id }) => id.slice(0, 12)).toSorted();
      expect((await following).stdout.trim().split("\n").toSorted()).toEqual(hosts);
      await swarm.docker(
        "service",
        "update",
        "-d",
        "--no-resolve-image",
        "--update-parallelism",
        "0",
        "--force",
        "talk",
      );
      await swarm.untilUpdate("talk", "completed");
      await eventually(async () =>
        expect((await swarm.docker("service", "logs", "--raw", "talk")).trim().split("\n")).toHaveLength(8),
      );
    });

    test("of a service with a terminal are raw", async () => {
      await swarm.start("tty", 1, ["--tty"], ["alpine:latest", "sh", "-c", "echo hello; exec sleep 100000"]);
      await eventually(async () => expect(await swarm.docker("service", "logs", "--raw", "tty")).toBe("hello\r\n"));
    });
  });

  test("templates are expanded in the environment, the host name and the mounts", async () => {
    const flags = [
      ...["--env", "WHERE={{.Node.Hostname}}", "--env", "WHAT={{.Service.Name}}/{{.Task.Slot}}/{{.Task.Name}}"],
      ...["--env", 'LABEL={{index .Service.Labels "team"}}', "--label", "team=bees"],
      ...["--hostname", "{{.Service.Name}}-{{.Task.Slot}}-{{.Node.Hostname}}"],
      ...["--mount", "type=volume,source={{.Service.Name}}-{{.Task.Slot}},target=/data/{{.Node.Hostname}}"],
    ];
    const say = 'echo "$WHERE $WHAT $LABEL $(hostname) $(ls /data)"; exec sleep 100000';
    const tasks = await swarm.start("tmpl", 2, flags, ["alpine:latest", "sh", "-c", say]);
    for (const { ID, Slot, NodeID } of tasks) {
      const node = await swarm.nodeName(NodeID);
      const expected = `${node} tmpl/${Slot}/tmpl.${Slot}.${ID} bees tmpl-${Slot}-${node} ${node}\n`;
      await eventually(async () => expect(await swarm.docker("service", "logs", "--raw", ID)).toBe(expected));
      expect((await cluster.engine(node, "volume", "ls", "-q")).stdout).toBe(`tmpl-${Slot}\n`);
    }
    expect((await swarm.inspect("tmpl")).Spec.TaskTemplate.ContainerSpec.Env[0]).toBe("WHERE={{.Node.Hostname}}");
    expect(await swarm.refusal("service", "create", ...quick, "--env", "A={{.Nope}}", ...sleeper)).toMatch(
      /expanding env failed/,
    );
    for (const node of cluster.names) await cluster.engine(node, "volume", "prune", "-f");
  });

  describe("placement", () => {
    const pending = (service: string) =>
      swarm.docker("service", "ps", "--no-trunc", "--format", "{{.CurrentState}} {{.Error}}", service);

    test("follows constraints, also when a node's labels change later", async () => {
      await swarm.docker(
        "service",
        "create",
        ...quick,
        "--name",
        "zoned",
        "--replicas",
        "2",
        "--constraint",
        "node.labels.zone==a",
        ...sleeper,
      );
      await eventually(async () =>
        expect(await pending("zoned")).toMatch(
          /^(Pending .*"no suitable node \(scheduling constraints not satisfied on 3 nodes\): node\.labels\.zone==a does not hold on 3 nodes"\n){2}$/,
        ),
      );
      await swarm.docker("node", "update", "--label-add", "zone=a", "node-2");
      await swarm.untilRunning("zoned", 2);
      expect(await swarm.places("zoned")).toEqual(["node-2", "node-2"]);
      await swarm.docker("node", "update", "--label-add", "zone=a", "node-3");
      await swarm.docker("node", "update", "--label-rm", "zone", "node-2");
      await eventually(async () => {
        await swarm.untilRunning("zoned", 2);
        expect(await swarm.places("zoned")).toEqual(["node-3", "node-3"]);
      });
      expect(await pending("zoned")).toMatch(/Rejected .*assigned node no longer meets constraints/);
      await eventually(async () =>
        expect((await swarm.running("zoned")).map(({ node }) => node)).toEqual(["node-3", "node-3"]),
      );
      await swarm.docker("node", "update", "--label-rm", "zone", "node-3");
    });

    test("spreads over what the preferences name", async () => {
      await swarm.docker("node", "update", "--label-add", "rack=1", "node-1");
      await swarm.docker("node", "update", "--label-add", "rack=1", "node-2");
      await swarm.docker("node", "update", "--label-add", "rack=2", "node-3");
      await swarm.start("racked", 4, ["--placement-pref", "spread=node.labels.rack"]);
      expect(await swarm.places("racked")).toEqual(["node-1", "node-2", "node-3", "node-3"]);
    });

    test("says why tasks wait: reservations, the limit a node, paused nodes", async () => {
      const create = (name: string, ...flags: readonly string[]) =>
        swarm.docker("service", "create", ...quick, "--name", name, ...flags, ...sleeper);
      await create("fat", "--reserve-memory", "900g");
      await create("busy", "--reserve-cpu", "500");
      await create("four", "--replicas", "4", "--replicas-max-per-node", "1");
      await create("arm", "--constraint", "node.platform.arch==arm64", "--constraint", "node.role==manager");
      await eventually(async () => {
        expect(await pending("fat")).toMatch(/^Pending .*"no suitable node \(insufficient resources on 3 nodes/);
        expect(await pending("busy")).toMatch(/^Pending .*"no suitable node \(insufficient resources on 3 nodes/);
        expect(await pending("four")).toMatch(/Pending .*"no suitable node \(max replicas per node limit exceed/);
        expect(await pending("arm")).toMatch(
          /^Pending .*"no suitable node \(scheduling constraints not satisfied on 3 nodes/,
        );
      });
      expect(await swarm.places("four")).toEqual(["node-1", "node-2", "node-3"]);
      await swarm.docker("service", "update", "-d", "--no-resolve-image", "--reserve-memory", "8m", "fat");
      await swarm.untilRunning("fat", 1);
      for (const node of cluster.names) await swarm.docker("node", "update", "--availability", "pause", node);
      await create("late");
      await eventually(async () =>
        expect(await pending("late")).toMatch(/"no suitable node \(3 nodes not available for new tasks\)/),
      );
      for (const node of cluster.names) await swarm.docker("node", "update", "--availability", "active", node);
      await swarm.untilRunning("late", 1);
    });

    test("gives containers their limits", async () => {
      const flags = ["--limit-cpu", "0.5", "--limit-memory", "64m", "--limit-pids", "50"];
      await swarm.start("limited", 1, flags);
      const [container] = await swarm.running("limited");
      const { stdout } = await cluster.engine(
        container?.node ?? "",
        "inspect",
        "-f",
        "{{.HostConfig.NanoCpus}} {{.HostConfig.Memory}} {{.HostConfig.PidsLimit}}",
        container?.id ?? "",
      );
      expect(stdout).toBe("500000000 67108864 50\n");
    });

    test("publishes host ports on the task's own node, one task a node", async () => {
      const serve = ["alpine:latest", "sh", "-c", "echo $WHERE > /tmp/index.html; exec httpd -f -p 80 -h /tmp"];
      const flags = ["--publish", "mode=host,target=80,published=8085", "--env", "WHERE={{.Node.Hostname}}"];
      await swarm.docker("service", "create", ...quick, "--name", "ported", "--replicas", "4", ...flags, ...serve);
      await eventually(async () => expect(await swarm.running("ported")).toHaveLength(3));
      for (const { name, address } of cluster.machines) {
        await eventually(async () =>
          expect(await requestOver(`${address}:8085`, "/index.html")).toEqual({ status: 200, body: `${name}\n` }),
        );
      }
      await eventually(async () =>
        expect(await pending("ported")).toMatch(/"no suitable node \(host-mode port already in use on 3 nodes/),
      );
      const ps = await swarm.docker("service", "ps", "--filter", "node=node-1", "--format", "{{.Ports}}", "ported");
      expect(ps).toBe("*:8085->80/tcp,*:8085->80/tcp\n");
      await swarm.docker("service", "scale", "-d", "ported=3");
      await swarm.untilRunning("ported", 3);
      await swarm.docker(
        "service",
        "update",
        "-d",
        "--no-resolve-image",
        "--update-parallelism",
        "0",
        "--env-add",
        "X=1",
        "ported",
      );
      await swarm.untilUpdate("ported", "completed");
      await swarm.untilRunning("ported", 3);
    });

    test("a global service has one task on every node that fits, and follows the nodes' labels and availability", async () => {
      await swarm.start("everywhere", 3, ["--mode", "global"]);
      expect(await swarm.places("everywhere")).toEqual(["node-1", "node-2", "node-3"]);
      expect(await swarm.docker("service", "ls", "--format", "{{.Mode}} {{.Replicas}}")).toBe("global 3/3\n");
      await swarm.docker(
        "service",
        "update",
        "-d",
        "--no-resolve-image",
        "--constraint-add",
        "node.labels.rack==1",
        "everywhere",
      );
      await eventually(async () => expect(await swarm.places("everywhere")).toEqual(["node-1", "node-2"]));
      await swarm.docker("node", "update", "--label-add", "rack=1", "node-3");
      await eventually(async () => expect(await swarm.places("everywhere")).toEqual(["node-1", "node-2", "node-3"]));
      await swarm.docker("node", "update", "--availability", "drain", "node-2");
      await eventually(async () => {
        expect(await swarm.places("everywhere")).toEqual(["node-1", "node-3"]);
        expect((await swarm.running("everywhere")).map(({ node }) => node).toSorted()).toEqual(["node-1", "node-3"]);
      });
      await swarm.docker("node", "update", "--availability", "active", "node-2");
      await eventually(async () => expect(await swarm.places("everywhere")).toEqual(["node-1", "node-2", "node-3"]));
      await swarm.untilRunning("everywhere", 3);
      expect(await swarm.running("everywhere")).toHaveLength(3);
    });
  });
});
