import { existsSync } from "node:fs";
import { Readable } from "node:stream";
import { requestOver } from "@skep/machine";
import { buildTestImage, Cluster } from "@skep/testkit";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { eventually } from "./cluster-helpers.ts";
import { clusterProblem, Operator, quickUpdates } from "./operator.ts";
import { Registry, registryProblem } from "./registry.ts";

const clis = ["/usr/bin/docker", "/usr/local/bin/docker"].filter((path) => existsSync(path));
const problem = clusterProblem() ?? registryProblem();

/** The user `bee` with the password `honey`. */
const users = "bee:$2b$04$y8KOQcpesqWQAo354nn0N..XnZLdqBy.zi75aQubQmCWfIU6HzYVS\n";
const atOnce = ["--update-parallelism", "0", "--rollback-parallelism", "0"];
const flags = ["--detach", "--stop-grace-period", "1s", "--restart-delay", "1s", ...quickUpdates, ...atOnce];
const sleep = ["sleep", "100000"];
const on = (node: string) => ["--constraint", `node.hostname==${node}`];

describe.skipIf(problem)(`images from a registry ${problem ?? ""}`, () => {
  let cluster: Cluster;
  let swarm: Operator;
  let open: Registry;
  let closed: Registry;
  let rootfs: Buffer;
  /** Of the nodes, in order. */
  let addresses: string[];

  beforeAll(async () => {
    // every subnet a cluster may be given is in this one
    cluster = await Cluster.create({ nodes: 3, engineOptions: ["insecure-registry=10.77.0.0/16"] });
    await cluster.formSwarm();
    swarm = new Operator(cluster);
    addresses = cluster.machines.map(({ address }) => address);
    rootfs = (await buildTestImage()).archive;
    open = await Registry.create(cluster, { node: "node-1", port: 5000 });
    closed = await Registry.create(cluster, { node: "node-1", port: 5001, users });
    const login = await dockerAs("bee", { input: "honey" }, "login", "-u", "bee", "--password-stdin", closed.host);
    expect(login.stdout).toContain("Login Succeeded");
  });

  afterEach(() => swarm.clear());

  afterAll(async () => {
    await cluster?.[Symbol.asyncDispose]();
    expect(await cluster?.leftovers()).toEqual([]);
  });

  /** A CLI with a configuration of its own, and so with the credentials of whoever logged in there. */
  const dockerAs = (user: string, options: { cli?: string; input?: string }, ...args: readonly string[]) =>
    cluster.dockerWith(
      { ...options, env: { DOCKER_CONFIG: `${cluster.machine("node-1").paths.home}/docker-config-${user}` } },
      "node-1",
      ...args,
    );

  /** Pushes the test image with a version inside as this tag, from node-1, which keeps it; resolves with its digest. */
  async function publish(image: string, version: string): Promise<string> {
    const [repo = "", tag = ""] = image.split(/:(?=[^:]*$)/);
    const query = new URLSearchParams({ fromSrc: "-", repo, tag, changes: `ENV VERSION=${version}` });
    const socket = cluster.machine("node-1").paths.engineSocket;
    await requestOver(socket, `/images/create?${query}`, { method: "POST", body: Readable.from([rootfs]) });
    const { stdout, stderr, code } = await dockerAs("bee", {}, "push", image);
    expect(code, stderr).toBe(0);
    return /digest: (sha256:[0-9a-f]{64})/.exec(stdout)?.[1] ?? "no digest";
  }

  const imageOf = async (service: string): Promise<string> =>
    (await swarm.inspect(service)).Spec.TaskTemplate.ContainerSpec.Image;

  /** The versions inside the images that run. */
  async function versions(service: string): Promise<string[]> {
    const containers = await swarm.running(service);
    const envs = await Promise.all(
      containers.map(({ node, id }) => cluster.engine(node, "inspect", "-f", "{{json .Config.Env}}", id)),
    );
    return envs.map(({ stdout }) => /VERSION=(\w+)/.exec(stdout)?.[1] ?? "none").toSorted();
  }

  const rejections = async (service: string) =>
    (await swarm.tasks(service)).filter(({ Status }) => Status.State === "rejected").map(({ Status }) => Status.Err);

  const untilRejected = (service: string, err: string) =>
    eventually(async () => expect(await rejections(service)).toContain(err));

  describe.each(clis)("with the CLI %s", (cli) => {
    test("service create pins the digest, and nodes without the image pull it by that", async () => {
      const repository = `pinned-${clis.indexOf(cli)}`;
      const image = `${open.host}/${repository}:1`;
      const digest = await publish(image, "one");
      const operator = new Operator(cluster, "node-1", cli);
      await operator.docker("service", "create", ...flags, "--name", "web", "--mode", "global", image, ...sleep);
      expect(await imageOf("web")).toBe(`${image}@${digest}`);
      expect((await swarm.inspect("web")).Spec.TaskTemplate.Placement.Platforms).toEqual([
        { Architecture: expect.stringMatching(/^(amd64|arm64)$/), OS: "linux" },
      ]);
      await swarm.untilRunning("web", 3);
      expect(open.pulls(repository)).toEqual(addresses); // node-1 only to tell the CLI the digest
      expect(await operator.docker("service", "ps", "--format", "{{.Image}}", "web")).toBe(`${image}\n`.repeat(3));
    });

    test("credentials go with the service to nodes that have none, and stay with it", async () => {
      const repository = `secret-${clis.indexOf(cli)}`;
      const image = `${closed.host}/${repository}:1`;
      const digest = await publish(image, "one");
      const create = ["service", "create", ...flags, "--with-registry-auth", ...on("node-2"), "--name", "web"];
      const { code, stderr } = await dockerAs("bee", { cli }, ...create, image, ...sleep);
      expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
      expect(await imageOf("web")).toBe(`${image}@${digest}`);
      await swarm.untilRunning("web", 1);
      const move = ["--constraint-rm", "node.hostname==node-2", "--constraint-add", "node.hostname==node-3"];
      await new Operator(cluster, "node-1", cli).docker("service", "update", "-d", ...move, "web");
      await eventually(async () => expect(await swarm.places("web")).toEqual(["node-3"]));
      await swarm.untilRunning("web", 1);
      expect(closed.pulls(repository)).toEqual(addresses);
      expect(await rejections("web")).toEqual([]);
    });
  });

  test("without credentials the task is rejected, until the service has some", async () => {
    const image = `${closed.host}/forbidden:1`;
    const digest = await publish(image, "one");
    const create = ["service", "create", ...flags, ...on("node-2"), "--name", "web", image, ...sleep];
    const { code, stderr } = await dockerAs("nobody", {}, ...create);
    expect(code).toBe(0);
    expect(stderr).toContain(`image ${image} could not be accessed on a registry to record\nits digest.`);
    expect(await imageOf("web")).toBe(image);
    await untilRejected("web", `No such image: ${image}`);
    expect(await cluster.logs("node-2")).toContain("no basic auth credentials");
    const update = ["service", "update", "-d", "--with-registry-auth", "--image", image, "web"];
    await dockerAs("bee", {}, ...update);
    expect(await imageOf("web")).toBe(`${image}@${digest}`);
    await swarm.untilRunning("web", 1);
  });

  test("an update to a moved tag pins its new digest, and a rollback goes back to the old one", async () => {
    const image = `${open.host}/moved:1`;
    const before = await publish(image, "one");
    await swarm.docker("service", "create", ...flags, ...on("node-2"), "--name", "web", image, ...sleep);
    await swarm.untilRunning("web", 1);
    const after = await publish(image, "two");
    expect(after).not.toBe(before);
    await swarm.docker("service", "update", "-d", "--force", "web");
    await swarm.untilUpdate("web", "completed");
    expect(await versions("web")).toEqual(["one"]);
    await swarm.docker("service", "update", "-d", "--image", image, "web");
    await swarm.untilUpdate("web", "completed");
    expect(await imageOf("web")).toBe(`${image}@${after}`);
    expect(await versions("web")).toEqual(["two"]);
    await swarm.docker("service", "rollback", "-d", "web");
    await swarm.untilUpdate("web", "rollback_completed");
    expect(await imageOf("web")).toBe(`${image}@${before}`);
    expect(await versions("web")).toEqual(["one"]);
  });

  test("without a digest, --force pulls what the tag has become", async () => {
    const image = `${open.host}/forced:1`;
    await publish(image, "one");
    const create = ["service", "create", ...flags, "--no-resolve-image", "--constraint", "node.role==worker"];
    await swarm.docker(...create, "--replicas", "2", "--name", "web", image, ...sleep);
    await swarm.untilRunning("web", 2);
    await publish(image, "two");
    await swarm.docker("service", "update", "-d", "--force", "web");
    await swarm.untilUpdate("web", "completed");
    expect(await imageOf("web")).toBe(image);
    expect(await versions("web")).toEqual(["two", "two"]);
  });

  test.each([
    ["a digest", []],
    ["a tag", ["--no-resolve-image"]],
  ])("ten tasks of one service on one node pull %s once", async (kind, resolve) => {
    const repository = `shared-by-${kind.slice(2)}`;
    const image = `${open.host}/${repository}:1`;
    await publish(image, "one");
    const create = ["service", "create", ...flags, ...resolve, ...on("node-3"), "--replicas", "10"];
    await swarm.docker(...create, "--name", "web", image, ...sleep);
    await swarm.untilRunning("web", 10);
    expect(open.pulls(repository).filter((from) => from === addresses[2])).toHaveLength(1);
  });

  describe("while the registry is away", () => {
    afterEach(() => open.start());

    test("an image that is here starts, by digest or tag", async () => {
      const image = `${open.host}/here:1`;
      await publish(image, "one");
      const create = ["service", "create", ...flags, ...on("node-2")];
      await swarm.docker(...create, "--name", "digest", image, ...sleep);
      await swarm.docker(...create, "--name", "tag", "--no-resolve-image", image, ...sleep);
      for (const service of ["digest", "tag"]) await swarm.untilRunning(service, 1);
      await open.stop();
      await swarm.docker("service", "scale", "-d", "digest=3", "tag=3");
      for (const service of ["digest", "tag"]) {
        await swarm.untilRunning(service, 3);
        expect(await rejections(service)).toEqual([]);
      }
    });

    test("one that is not here is rejected, and runs when the registry is back", async () => {
      const image = `${open.host}/absent:1`;
      const digested = `${image}@${await publish(image, "one")}`;
      await open.stop();
      const create = ["service", "create", ...flags, "--no-resolve-image", ...on("node-2")];
      await swarm.docker(...create, "--name", "digest", digested, ...sleep);
      await swarm.docker(...create, "--name", "tag", image, ...sleep);
      await untilRejected("digest", `No such image: ${digested}`);
      await untilRejected("tag", `No such image: ${image}`);
      await open.start();
      for (const service of ["digest", "tag"]) await swarm.untilRunning(service, 1);
    });
  });

  describe("while the registry hangs", () => {
    afterEach(() => open.thaw());

    test("a digest that is here is not asked for, a tag not for long, and what is not here is waited for", async () => {
      const [known, tagged, absent] = ["known", "tagged", "absent-too"].map((name) => `${open.host}/${name}:1`);
      const digest = await publish(`${known}`, "one"); // what node-1 has pushed is there
      await publish(`${tagged}`, "one");
      await publish(`${absent}`, "one");
      const create = ["service", "create", ...flags, "--no-resolve-image"];
      open.freeze();
      await swarm.docker(...create, ...on("node-1"), "--name", "known", `${known}@${digest}`, ...sleep);
      await swarm.docker(...create, ...on("node-1"), "--name", "tagged", `${tagged}`, ...sleep);
      await swarm.docker(...create, ...on("node-2"), "--name", "absent", `${absent}`, ...sleep);
      await swarm.untilRunning("known", 1);
      await swarm.untilRunning("tagged", 1, 12_000); // the engine itself gives up after 15 s
      expect((await swarm.tasks("absent")).map(({ Status }) => Status.State)).toEqual(["preparing"]);
      open.thaw();
      await swarm.untilRunning("absent", 1);
      expect(await rejections("absent")).toEqual([]);
      expect(open.pulls("known")).toEqual([]);
    });
  });
});
