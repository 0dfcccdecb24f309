import { Cluster } from "@skep/testkit";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { eventually } from "./cluster-helpers.ts";
import { clusterProblem, Operator, polite, sleeper } from "./operator.ts";

describe.skipIf(clusterProblem())(`nodes of a swarm ${clusterProblem() ?? ""}`, () => {
  let cluster: Cluster;
  let swarm: Operator;

  beforeAll(async () => {
    cluster = await Cluster.create();
    await cluster.importTestImage();
    await cluster.formSwarm();
    swarm = new Operator(cluster);
  });

  afterEach(() => swarm.clear());

  afterAll(async () => {
    await cluster?.[Symbol.asyncDispose]();
    expect(await cluster?.leftovers()).toEqual([]);
  });

  const nodes = async () =>
    (await swarm.docker("node", "ls", "--format", "{{.Hostname}} {{.Status}} {{.Availability}}")).trim().split("\n");
  const runningOn = async (service: string) => (await swarm.running(service)).map(({ node }) => node).toSorted();
  const managerAddress = () => `${cluster.machine("node-1").address}:2377`;
  const token = async () => (await swarm.docker("swarm", "join-token", "-q", "worker")).trim();

  test("drain moves a node's tasks, pause only keeps new ones away", async () => {
    await swarm.start("moved", 3, [], polite);
    await swarm.docker("node", "update", "--availability", "drain", "node-2");
    await eventually(async () => {
      expect(await runningOn("moved")).toHaveLength(3);
      expect(await runningOn("moved")).not.toContain("node-2");
    });
    await swarm.docker("node", "update", "--availability", "pause", "node-3");
    await swarm.docker("node", "update", "--availability", "active", "node-2");
    const onPaused = (await runningOn("moved")).filter((node) => node === "node-3");
    await swarm.docker("service", "scale", "-d", "moved=6");
    await swarm.untilRunning("moved", 6);
    expect((await runningOn("moved")).filter((node) => node === "node-3")).toEqual(onPaused);
    await swarm.docker("node", "update", "--availability", "active", "node-3");
  });

  test("a node without a link is down after three heartbeats, its tasks run elsewhere and stay there", async () => {
    await swarm.start("replaced", 3);
    await swarm.start("everywhere", 3, ["--mode", "global"]);
    const cutAt = Date.now();
    await cluster.cutLink("node-2");
    await eventually(async () => expect(await nodes()).toContain("node-2 Down Active"));
    expect(Date.now() - cutAt).toBeGreaterThan(1500);
    await swarm.untilRunning("replaced", 3);
    expect(await swarm.places("replaced")).not.toContain("node-2");
    expect(await swarm.docker("service", "ls", "--filter", "name=replaced", "--format", "{{.Replicas}}")).toBe("3/3\n");
    expect(await swarm.running("replaced")).toHaveLength(4); // the cut-off one runs on
    await cluster.restoreLink("node-2");
    await eventually(async () => expect(await nodes()).toContain("node-2 Ready Active"));
    await eventually(async () => expect(await runningOn("replaced")).toHaveLength(3));
    expect(await runningOn("replaced")).not.toContain("node-2");
    await eventually(async () => expect(await runningOn("everywhere")).toEqual(["node-1", "node-2", "node-3"]));
  });

  test("a worker leaves, is down, can be removed, and joins again as another node", async () => {
    await swarm.start("web", 3);
    expect(await swarm.dockerOn("node-3", "swarm", "leave")).toBe("Node left the swarm.\n");
    expect(await swarm.containers("node-3")).toEqual([]);
    await eventually(async () => expect(await nodes()).toContain("node-3 Down Active"));
    await swarm.untilRunning("web", 3);
    expect(await swarm.refusal("node", "rm", "node-2")).toContain("is not down and can't be removed");
    await swarm.docker("node", "rm", "node-3");
    expect(await nodes()).toHaveLength(2);
    await swarm.dockerOn("node-3", "swarm", "join", "--token", await token(), managerAddress());
    await eventually(async () => expect(await nodes()).toContain("node-3 Ready Active"));
  });

  test("only a valid token lets a node in, and a refused one stays outside", async () => {
    await swarm.dockerOn("node-3", "swarm", "leave");
    const old = await token();
    await swarm.docker("swarm", "join-token", "--rotate", "worker");
    const refused = async (with_: string) => {
      const { code, stderr } = await swarm.attempt("node-3", "swarm", "join", "--token", with_, managerAddress());
      expect(code).toBe(1);
      return stderr;
    };
    expect(await refused(old)).toContain("A valid join token is necessary to join this cluster");
    const current = await token();
    const foreign = current.replace(/^SWMTKN-1-\w{4}/, "SWMTKN-1-0abc");
    expect(await refused(foreign)).toContain("remote CA does not match fingerprint. Expected: ");
    expect(await refused("SWMTKN-1-nonsense")).toContain("invalid join token");
    const manager = (await swarm.docker("swarm", "join-token", "-q", "manager")).trim();
    expect(await refused(manager)).toContain("joining as a second manager is not available yet");
    expect(await swarm.dockerOn("node-3", "info", "--format", "{{.Swarm.LocalNodeState}}")).toBe("inactive\n");
    await swarm.dockerOn("node-3", "swarm", "join", "--token", current, managerAddress());
    await eventually(async () =>
      expect((await nodes()).filter((node) => node === "node-3 Ready Active")).toHaveLength(1),
    );
  });

  test("a removed node is shut out and says so", async () => {
    const ids = await swarm.docker("node", "ls", "--filter", "name=node-3", "--format", "{{.ID}} {{.Status}}");
    const [id = ""] = /^(\w+) Ready/m.exec(ids)?.slice(1) ?? [];
    await swarm.docker("node", "rm", "--force", id);
    await eventually(async () => {
      expect(await swarm.dockerOn("node-3", "info", "--format", "{{.Swarm.LocalNodeState}}")).toBe("error\n");
    });
    expect(await swarm.dockerOn("node-3", "info", "--format", "{{.Swarm.Error}}")).toContain("removed");
    await swarm.dockerOn("node-3", "swarm", "leave");
    await swarm.dockerOn("node-3", "swarm", "join", "--token", await token(), managerAddress());
    await eventually(async () => expect(await nodes()).toContain("node-3 Ready Active"));
  });

  test("labels, roles and what later versions do are answered as Docker does, or refused by name", async () => {
    await swarm.docker("node", "update", "--label-add", "zone=a", "node-2");
    expect(await swarm.docker("node", "inspect", "node-2", "--format", "{{json .Spec.Labels}}")).toBe('{"zone":"a"}\n');
    expect(await swarm.docker("node", "inspect", "self", "--pretty")).toMatch(/Leader:\s+Yes/);
    expect(await swarm.refusal("node", "promote", "node-2")).toContain("more than one manager is not available yet");
    expect(await swarm.refusal("swarm", "ca", "--rotate")).toContain("certificate authority is not available yet");
    expect(await swarm.refusal("swarm", "update", "--autolock")).toContain("autolock) is not available yet");
    expect(await swarm.docker("secret", "ls", "-q")).toBe("");
    expect(await swarm.refusal("secret", "create", "x", "/etc/hostname")).toContain("secrets are not available");
    expect(await swarm.refusal("config", "create", "x", "/etc/hostname")).toContain("configs are not available");
    expect(await swarm.refusal("network", "create", "-d", "overlay", "--opt", "encrypted", "x")).toContain(
      "encrypted overlay networks are not available",
    );
    const job = ["service", "create", "-d", "--no-resolve-image", "--mode", "replicated-job", ...sleeper];
    expect(await swarm.refusal(...job)).toContain("job modes (replicated-job, global-job) are not available yet");
    expect(await swarm.docker("service", "ls", "-q")).toBe("");
  });

  test("the manager leaves by force only, takes its tasks along, and can begin anew", async () => {
    await swarm.start("last", 3);
    expect(await swarm.refusal("swarm", "leave")).toContain(
      "Removing the last manager erases all current state of the swarm",
    );
    await swarm.docker("swarm", "leave", "--force");
    expect(await swarm.containers("node-1")).toEqual([]);
    expect(await swarm.refusal("node", "ls")).toContain("This node is not a swarm manager");
    for (const node of ["node-2", "node-3"]) await swarm.dockerOn(node, "swarm", "leave");
    expect(await swarm.containers()).toEqual([]);
    await cluster.formSwarm();
    expect(await swarm.docker("service", "ls", "-q")).toBe("");
    await swarm.start("first", 3);
  });
});
