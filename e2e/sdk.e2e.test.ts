import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { PassThrough, type Readable } from "node:stream";
import { buffer, text } from "node:stream/consumers";
import { Cluster } from "@skep/testkit";
import Docker from "dockerode";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { eventually } from "./cluster-helpers.ts";
import { clusterProblem, type TaskView } from "./operator.ts";

interface SdkError {
  readonly statusCode: number;
  readonly reason: string | undefined;
  /** Null when the call's answer would have been a stream: then it is in the message only. */
  readonly json: { readonly message: string } | null;
  readonly message: string;
}

const talker = "trap 'exit 0' TERM; echo out; echo err >&2; while :; do sleep 0.1; done";

const spec = (Name: string, more: Docker.ServiceSpec = {}): Docker.CreateServiceOptions => ({
  Name,
  TaskTemplate: { ContainerSpec: { Image: "alpine:latest", Command: ["sh", "-c", talker] } },
  Mode: { Replicated: { Replicas: 1 } },
  ...more,
});

describe.skipIf(clusterProblem())(`the SDK for Node ${clusterProblem() ?? ""}`, () => {
  let cluster: Cluster;
  let docker: Docker;
  let worker: Docker;
  /** The engine itself of the first node, to compare with. */
  let engine: Docker;

  beforeAll(async () => {
    cluster = await Cluster.create({ nodes: 2 });
    await cluster.importTestImage("alpine:latest");
    const [first, second] = cluster.machines.map(({ paths }) => paths);
    docker = new Docker({ socketPath: first?.skepSocket ?? "" });
    worker = new Docker({ socketPath: second?.skepSocket ?? "", version: "v1.41" });
    engine = new Docker({ socketPath: first?.engineSocket ?? "" });
  });

  afterAll(async () => {
    await cluster?.[Symbol.asyncDispose]();
    expect(await cluster?.leftovers()).toEqual([]);
  });

  /** What the SDK makes of an answer that is an error. */
  const refusal = (call: Promise<unknown>): Promise<SdkError> =>
    call.then(
      () => Promise.reject(new Error("it succeeded")),
      ({ statusCode, reason, json, message }: SdkError) => ({
        statusCode,
        reason,
        json,
        message: message.replace(/:\d+->/, ":PORT->"),
      }),
    );

  const tasksOf = (service: string): Promise<TaskView[]> => docker.listTasks({ filters: { service: [service] } });

  /** Also when there is no such service any more. */
  const leftOf = async ({ id }: Docker.Service): Promise<TaskView[]> =>
    (await docker.listTasks()).filter(({ ServiceID }) => ServiceID === id);

  const untilRunning = (service: string, count: number) =>
    eventually(async () => {
      const tasks = (await tasksOf(service)).filter(({ DesiredState }) => DesiredState === "running");
      expect(tasks.map(({ Status }) => Status.State)).toEqual(Array.from({ length: count }, () => "running"));
      return tasks;
    });

  /** Both streams of what a container or service wrote. */
  async function demultiplexed(stream: NodeJS.ReadableStream): Promise<{ stdout: string; stderr: string }> {
    const [out, err] = [new PassThrough(), new PassThrough()];
    docker.modem.demuxStream(stream, out, err);
    stream.once("end", () => {
      out.end();
      err.end();
    });
    const [stdout, stderr] = await Promise.all([text(out), text(err)]);
    return { stdout, stderr };
  }

  test("makes a swarm of two nodes, and reads and changes it", async () => {
    const [first, second] = cluster.machines.map(({ address }) => address);
    expect(await refusal(docker.swarmInspect())).toMatchObject({
      statusCode: 503,
      json: { message: expect.stringContaining("This node is not a swarm manager.") },
    });
    const id = await docker.swarmInit({
      ListenAddr: "0.0.0.0:2377",
      AdvertiseAddr: `${first}`,
      ForceNewCluster: false,
    });
    expect(id).toMatch(/^\w{25}$/);
    const { JoinTokens } = await docker.swarmInspect();
    await worker.swarmJoin({
      ListenAddr: "0.0.0.0:2377",
      AdvertiseAddr: `${second}`,
      RemoteAddrs: [`${first}:2377`],
      JoinToken: JoinTokens.Worker,
    });
    const nodes = await eventually(async () => {
      const listed = await docker.listNodes();
      expect(listed.map(({ Status }) => Status.State)).toEqual(["ready", "ready"]);
      return listed;
    });
    expect(nodes.map(({ Description }) => Description.Hostname).toSorted()).toEqual(["node-1", "node-2"]);
    const node = docker.getNode(nodes.find(({ Description }) => Description.Hostname === "node-2")?.ID ?? "");
    const { Version, Spec } = await node.inspect();
    await node.update({ version: Version.Index, ...Spec, Labels: { zone: "a" } });
    expect((await node.inspect()).Spec.Labels).toEqual({ zone: "a" });
    expect(await docker.listNodes({ filters: JSON.stringify({ "node.label": ["zone=a"] }) })).toHaveLength(1);
    expect((await docker.info()).Swarm).toMatchObject({ NodeID: id, ControlAvailable: true, Nodes: 2 });
    expect(await refusal(docker.swarmInit({ ListenAddr: "0.0.0.0:2377", AdvertiseAddr: `${first}` }))).toMatchObject({
      statusCode: 503,
    });
    expect(await refusal(worker.listNodes())).toMatchObject({ statusCode: 503 });
    expect(await refusal(Promise.resolve(node.update({ version: 1, ...Spec })))).toMatchObject({ statusCode: 500 });
  });

  test("creates, reads, changes and removes a service", async () => {
    const service = await docker.createService(spec("life", { Labels: { team: "bees" } }));
    await untilRunning("life", 1);
    const created = await service.inspect();
    expect(created).toMatchObject({ ID: service.id, Spec: { Name: "life", Labels: { team: "bees" } } });
    expect((await docker.listServices({ filters: { label: ["team=bees"] } })).map(({ ID }) => ID)).toEqual([
      service.id,
    ]);
    // the SDK sends all of it in the query as well
    const Env = Array.from({ length: 500 }, (_, i) => `VARIABLE_${i}=${"x".repeat(60)}`);
    const changed = structuredClone(created.Spec);
    changed.TaskTemplate.ContainerSpec.Env = Env;
    changed.Mode.Replicated.Replicas = 2;
    expect(await service.update({ version: created.Version.Index, ...changed })).toEqual({ Warnings: null });
    const tasks = await untilRunning("life", 2);
    expect((await service.inspect()).Spec).toEqual(changed);
    expect(await docker.getTask(tasks[0]?.ID ?? "").inspect()).toMatchObject({ ServiceID: service.id });
    expect(await refusal(service.update({ version: created.Version.Index, ...changed }))).toMatchObject({
      statusCode: 500,
      reason: "server error",
      json: { message: "rpc error: code = Unknown desc = update out of sequence" },
    });
    await service.remove();
    expect(await refusal(service.inspect())).toMatchObject({
      statusCode: 404,
      reason: "no such service",
      json: { message: `service ${service.id} not found` },
    });
    await eventually(async () => expect(await leftOf(service)).toEqual([]));
  });

  test("reads a service's logs, all at once and following", async () => {
    const service = await docker.createService(spec("talk"));
    await untilRunning("talk", 1);
    const all = { stdout: true, stderr: true };
    await eventually(async () => {
      const logs = (await service.logs({ ...all, follow: false })) as unknown as Buffer;
      expect(logs.toString("latin1")).toContain("err\n");
    });
    const following = demultiplexed((await service.logs({ ...all, follow: true })) as NodeJS.ReadableStream);
    await service.remove();
    expect(await following).toEqual({ stdout: "out\n", stderr: "err\n" });
  });

  test("hears of the cluster and of its node's containers in one stream of events", async () => {
    const stream = (await docker.getEvents({ filters: { type: ["service", "container"] } })) as Readable;
    const heard: string[] = [];
    createInterface(stream).on("line", (line) => {
      const { Type, Action, Actor, scope } = JSON.parse(line);
      const { name, "com.docker.swarm.service.name": service = name } = Actor.Attributes;
      heard.push(`${Type} ${Action} ${scope} ${service}`);
    });
    const service = await docker.createService(spec("seen", { Mode: { Global: {} } }));
    await untilRunning("seen", 2);
    await service.remove();
    await eventually(() => expect(heard).toContain("container destroy local seen"));
    stream.destroy();
    expect(heard.filter((event) => event.startsWith("service"))).toEqual([
      "service create swarm seen",
      "service remove swarm seen",
    ]);
    expect(heard).toContain("container start local seen");
  });

  describe("with containers", () => {
    let container: Docker.Container;

    beforeAll(async () => {
      await docker.createService(spec("box", { Mode: { Global: {} } }));
      await untilRunning("box", 2);
      const [summary] = await docker.listContainers({ filters: { label: ["com.docker.swarm.service.name=box"] } });
      container = docker.getContainer(summary?.Id ?? "");
    });

    afterAll(() => docker.getService("box").remove());

    test("talks to a process it started in a task's container", async () => {
      const options = { AttachStdin: true, AttachStdout: true, AttachStderr: true };
      const exec = await container.exec({ ...options, Cmd: ["sh", "-c", "cat; echo done >&2; exit 3"] });
      const stream = await exec.start({ hijack: true, stdin: true });
      const output = demultiplexed(stream);
      for (const line of ["one\n", "two\n"]) stream.write(line);
      stream.end();
      expect(await output).toEqual({ stdout: "one\ntwo\n", stderr: "done\n" });
      expect(await exec.inspect()).toMatchObject({ Running: false, ExitCode: 3 });
    });

    test("talks to a process with a terminal, and resizes that", async () => {
      const options = { AttachStdin: true, AttachStdout: true, Tty: true };
      const exec = await container.exec({ ...options, Cmd: ["sh", "-c", "read size; stty size"] });
      const stream = await exec.start({ hijack: true, stdin: true, Tty: true });
      const output = text(stream);
      await exec.resize({ h: 33, w: 77 });
      stream.write("go\n");
      expect(await output).toBe("go\r\n33 77\r\n");
    });

    test("attaches to a container from before its start to its end", async () => {
      const cat = await docker.createContainer({
        Image: "alpine:latest",
        Cmd: ["cat"],
        OpenStdin: true,
        StdinOnce: true,
        name: "cat",
      });
      const stream = await cat.attach({ stream: true, stdin: true, stdout: true, stderr: true, hijack: true });
      const output = demultiplexed(stream);
      await cat.start();
      stream.write("honey\n");
      stream.end();
      expect(await output).toEqual({ stdout: "honey\n", stderr: "" });
      expect(await cat.wait()).toMatchObject({ StatusCode: 0 });
      await cat.remove();
    });

    test("runs one to its end", async () => {
      const [out, err] = [new PassThrough(), new PassThrough()];
      const written = Promise.all([text(out), text(err)]);
      const [{ StatusCode }, ran] = await docker.run(
        "alpine:latest",
        ["sh", "-c", "echo out; echo err >&2; exit 7"],
        [out, err],
        { Tty: false },
      );
      out.end();
      err.end();
      expect([StatusCode, ...(await written)]).toEqual([7, "out\n", "err\n"]);
      await ran.remove();
    });

    test("carries files in and out", async () => {
      const original = await buffer(await container.getArchive({ path: "/bin/busybox" }));
      await container.putArchive(original, { path: "/tmp" });
      const copy = await buffer(await container.getArchive({ path: "/tmp/busybox" }));
      expect(original.length).toBeGreaterThan(100_000);
      expect(copy.equals(original)).toBe(true);
    });
  });

  test("builds an image from a folder, and a service runs it", async ({ onTestFinished }) => {
    const context = await mkdtemp(join(tmpdir(), "skep-sdk-"));
    onTestFinished(() => rm(context, { recursive: true }));
    await writeFile(
      join(context, "Dockerfile"),
      "FROM alpine:latest\nARG WORD\nCOPY honey /honey\nRUN echo $WORD >>/honey\n",
    );
    await writeFile(join(context, "honey"), "sweet\n");
    const options = { t: "built:1", buildargs: { WORD: "golden" } };
    const stream = await docker.buildImage({ context, src: ["Dockerfile", "honey"] }, options);
    const steps = await new Promise<{ stream?: string }[]>((resolve, reject) =>
      docker.modem.followProgress(stream, (error, output) => (error ? reject(error) : resolve(output))),
    );
    expect(steps.map((step) => step.stream ?? "").join("")).toMatch(/Step 4\/4[\s\S]*Successfully tagged built:1/);
    const ContainerSpec = { Image: "built:1", Command: ["sh", "-c", "cat /honey; exec sleep 100000"] };
    const Placement = { Constraints: ["node.role==manager"] };
    const service = await docker.createService(spec("baker", { TaskTemplate: { ContainerSpec, Placement } }));
    await untilRunning("baker", 1);
    await eventually(async () => {
      const logs = (await service.logs({ stdout: true })) as unknown as Buffer;
      expect(logs.toString("latin1")).toMatch(/sweet\n[\s\S]*golden\n$/);
    });
    await service.remove();
  });

  test("gets the engine's own errors", async () => {
    const asked = async (of: Docker) => [
      await refusal(of.pull("nobody.invalid/nothing:1")),
      await refusal(of.pull("NotAName")),
      await refusal(of.getContainer("nosuch").inspect()),
      await refusal(of.createContainer({ Image: "nosuch:1" })),
      await refusal(of.getImage("nosuch:1").inspect()),
      await refusal(of.getNetwork("nosuch").inspect()),
    ];
    const [pull, ...others] = await asked(docker);
    expect([pull, ...others]).toEqual(await asked(engine));
    expect(pull).toMatchObject({
      statusCode: 500,
      reason: "server error",
      message: expect.stringContaining("nobody.invalid"),
    });
  });
});
