import { Cluster } from "@skep/testkit";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { eventually } from "./cluster-helpers.ts";
import { clusterProblem, Operator, sleeper } from "./operator.ts";

// Containers that operators put on networks of the swarm by hand, on a manager and on a worker.

const [manager, worker] = ["node-1", "node-2"] as const;

interface Endpoint {
  readonly IPAddress: string;
  readonly Aliases: readonly string[] | null;
  readonly NetworkID: string;
}

describe.skipIf(clusterProblem())(`containers attached by hand ${clusterProblem() ?? ""}`, () => {
  let cluster: Cluster;
  let swarm: Operator;

  const run = (node: string, name: string, ...flags: readonly string[]) =>
    swarm.dockerOn(node, "run", "-d", "--stop-timeout", "0", "--name", name, ...flags, ...sleeper);
  const refusal = async (node: string, ...args: readonly string[]) => {
    const { code, stderr } = await swarm.attempt(node, ...args);
    expect(code).not.toBe(0);
    // docker run of CLI 20.10 ends the sentence with a full stop of its own
    return stderr.replace(/^docker: /, "").replace(/\.?\n.*$/s, "");
  };
  const networks = async (node: string, name: string): Promise<Record<string, Endpoint>> =>
    JSON.parse(await swarm.dockerOn(node, "inspect", "-f", "{{json .NetworkSettings.Networks}}", name));
  const addresses = async (node: string, name: string) =>
    Object.fromEntries(
      Object.entries(await networks(node, name)).map(([network, { IPAddress }]) => [network, IPAddress]),
    );
  const reach = (node: string, from: string, to: string) =>
    eventually(() => swarm.dockerOn(node, "exec", from, "ping", "-c", "1", "-W", "1", to));
  const file = (node: string, name: string, path: string) => swarm.dockerOn(node, "exec", name, "cat", path);
  /** Those that the managers know of. */
  const attached = async () => {
    const tasks = await swarm.api<{ readonly Spec: { readonly Runtime?: string } }[]>(
      "/v1.41/tasks?filters={%22runtime%22:[%22attachment%22]}",
    );
    return tasks.length;
  };

  beforeAll(async () => {
    cluster = await Cluster.create({ nodes: 2 });
    await cluster.importTestImage();
    await cluster.formSwarm();
    swarm = new Operator(cluster);
    await swarm.docker("network", "create", "-d", "overlay", "--attachable", "--subnet", "10.77.0.0/24", "att");
    await swarm.docker("network", "create", "-d", "overlay", "--attachable", "second");
    await swarm.docker("network", "create", "-d", "overlay", "closed");
  });

  afterEach(async () => {
    for (const node of [manager, worker]) {
      const ids = (await swarm.dockerOn(node, "ps", "-aq", "--filter", "is-task=false")).split("\n").filter(Boolean);
      if (ids.length > 0) await swarm.dockerOn(node, "rm", "-f", ...ids);
    }
    await eventually(async () => expect(await attached()).toBe(0));
  });

  afterAll(async () => {
    await cluster?.[Symbol.asyncDispose]();
    expect(await cluster?.leftovers()).toEqual([]);
  });

  test("containers of two nodes find each other by name, alias and address, and services by theirs", async () => {
    await run(manager, "left", "--network", "att", "--network-alias", "l", "--ip", "10.77.0.50");
    await run(worker, "right", "--network", "att", "--network-alias", "r");
    await swarm.start("svc", 1, ["--network", "att"]);
    for (const name of ["right", "r", (await addresses(worker, "right")).att ?? "", "svc", "tasks.svc"])
      await reach(manager, "left", name);
    for (const name of ["left", "l", "10.77.0.50", "svc"]) await reach(worker, "right", name);
    expect(await networks(manager, "left")).toMatchObject({
      att: { IPAddress: "10.77.0.50", Aliases: ["l", expect.any(String)] },
    });
    expect(
      await swarm.dockerOn(worker, "inspect", "-f", "{{.HostConfig.NetworkMode}} {{.HostConfig.Runtime}}", "right"),
    ).toBe("att runc\n");
    expect(
      await swarm.dockerOn(
        worker,
        "ps",
        "--filter",
        "network=att",
        "--filter",
        "name=right",
        "--format",
        "{{.Names}} {{.Networks}}",
      ),
    ).toBe("right att\n");
    await swarm.docker("service", "rm", "svc");
  });

  test("--rm, standard input, a terminal, host name and the operator's resolver are as without a network of the swarm", async () => {
    const { stdout } = await cluster.dockerWith(
      { input: "hello" },
      worker,
      "run",
      "-i",
      "--rm",
      "--network",
      "att",
      "alpine:latest",
      "cat",
    );
    expect(stdout).toBe("hello");
    const flags = [
      "--hostname",
      "hh",
      "--init",
      "--dns",
      "192.0.2.1",
      "--dns-search",
      "ex.org",
      "--dns-opt",
      "ndots:3",
    ];
    const shown = await swarm.docker(
      "run",
      "--rm",
      "--network",
      "att",
      ...flags,
      "alpine:latest",
      "cat",
      "/etc/resolv.conf",
      "/etc/hosts",
    );
    expect(shown).toMatch(/^search ex.org\nnameserver 127.0.0.11\noptions ndots:3\n/);
    expect(shown).toMatch(/10\.77\.0\.\d+\thh\t/);
    await eventually(async () => expect(await swarm.docker("ps", "-aq", "--filter", "is-task=false")).toBe(""));
  });

  test("-p and -P publish on the container's own node", async () => {
    const serve = "while :; do printf 'HTTP/1.0 200 OK\\r\\n\\r\\nhi' | nc -l -p 80; done";
    await swarm.dockerOn(
      worker,
      "run",
      "-d",
      "--name",
      "web",
      "--network",
      "att",
      "-p",
      "8088:80",
      "alpine:latest",
      "sh",
      "-c",
      serve,
    );
    const url = `http://${cluster.machine(worker).address}:8088/`;
    await eventually(async () => expect((await cluster.exec(manager, "curl", "-s", "-m", "2", url)).stdout).toBe("hi"));
    expect(await swarm.dockerOn(worker, "port", "web")).toBe("80/tcp -> 0.0.0.0:8088\n");
    expect(await refusal(worker, "run", "--name", "again", "--network", "att", "-p", "8088:80", ...sleeper)).toContain(
      "port is already allocated",
    );
    expect(await refusal(worker, "run", "--network", "att", "-p", "127.0.0.1:8089:80", ...sleeper)).toContain(
      "publishing on 127.0.0.1 alone is not available",
    );
    await swarm.dockerOn(worker, "run", "-d", "--name", "any", "-P", "--expose", "81", "--network", "att", ...sleeper);
    expect(await swarm.dockerOn(worker, "port", "any")).toMatch(/^81\/tcp -> 0\.0\.0\.0:\d+\n$/);
  });

  test("what cannot be is refused in Docker's words, on every node, and leaves nothing", async () => {
    const on = (node: string, ...flags: readonly string[]) => refusal(node, "run", "--rm", ...flags, ...sleeper);
    const words = "Error response from daemon: Could not attach to network";
    for (const node of [manager, worker]) {
      expect(await on(node, "--network", "closed")).toBe(
        `${words} closed: rpc error: code = PermissionDenied desc = network closed not manually attachable`,
      );
      expect(await on(node, "--network", "att", "--ip", "10.99.0.1")).toContain(
        "does not belong to any of this network's subnets",
      );
      expect(await on(node, "--network", "att", "--ip", "10.77.0.1")).toContain("Address already in use");
      expect(await on(node, "--network", "nosuch")).toContain("network nosuch not found");
      expect(await on(node, "--network", "att", "--runtime", "other")).toContain("leave --runtime out");
    }
    expect(await attached()).toBe(0);
  });

  test("a running container joins and leaves while it runs on, whoever gave it its networks", async () => {
    await run(manager, "there", "--network", "att");
    for (const [name, ...flags] of [["plain"], ["ours", "--network", "second"]] as const) {
      await run(worker, name, ...flags);
      const before = await addresses(worker, name);
      const files = await Promise.all(["/etc/hosts", "/etc/resolv.conf"].map((path) => file(worker, name, path)));
      const started = await swarm.dockerOn(worker, "inspect", "-f", "{{.State.StartedAt}}", name);
      await swarm.dockerOn(worker, "network", "connect", "--alias", "pl", "att", name);
      await reach(worker, name, "there");
      await reach(manager, "there", "pl");
      await reach(manager, "there", name);
      expect(await refusal(worker, "network", "connect", "att", name)).toBe(
        `Error response from daemon: endpoint with name ${name} already exists in network att`,
      );
      await swarm.dockerOn(worker, "network", "disconnect", "att", name);
      expect(await addresses(worker, name)).toEqual(before);
      expect(await Promise.all(["/etc/hosts", "/etc/resolv.conf"].map((path) => file(worker, name, path)))).toEqual(
        files,
      );
      expect(await swarm.dockerOn(worker, "inspect", "-f", "{{.State.StartedAt}}", name)).toBe(started);
      expect(await refusal(worker, "network", "disconnect", "att", name)).toContain("is not connected to network att");
    }
  });

  test("overlays and the engine's own networks go together, in whatever order they are joined, and so do their names", async () => {
    await run(manager, "there", "--network", "att");
    await swarm.dockerOn(worker, "network", "create", "mine");
    await run(worker, "neighbour", "--network", "mine");
    await run(worker, "first", "--network", "mine");
    await swarm.dockerOn(worker, "network", "connect", "att", "first");
    for (const name of ["there", "neighbour"]) await reach(worker, "first", name);
    await swarm.dockerOn(worker, "create", "--name", "second", "--network", "att", "--network-alias", "s", ...sleeper);
    await swarm.dockerOn(worker, "network", "connect", "mine", "second");
    await swarm.dockerOn(worker, "start", "second");
    await run(worker, "third", "--network", "att");
    await swarm.dockerOn(worker, "network", "connect", "mine", "third");
    for (const name of ["second", "third"]) {
      expect(Object.keys(await networks(worker, name)).sort()).toEqual(["att", "mine"]);
      for (const to of ["there", (await addresses(worker, "neighbour")).mine ?? ""]) await reach(worker, name, to);
      await reach(manager, "there", name);
      await swarm.dockerOn(worker, "network", "disconnect", "mine", name);
      expect(Object.keys(await networks(worker, name))).toEqual(["att"]);
      await reach(worker, name, "there");
    }
  });

  test("several networks are joined at once, and each coming and going is an event of the node", async () => {
    const since = String(Math.floor(Date.now() / 1000));
    const id = (await run(worker, "ours", "--network", "att", "--network", "second")).trim();
    expect(Object.keys(await networks(worker, "ours")).sort()).toEqual(["att", "second"]);
    await swarm.dockerOn(worker, "rm", "-f", "ours");
    await eventually(async () => {
      const until = String(Math.ceil(Date.now() / 1000));
      const format = "{{.Action}} {{.Actor.Attributes.name}} {{.Actor.Attributes.container}}";
      const flags = ["--since", since, "--until", until, "--filter", "type=network", "--format", format];
      const events = (await swarm.dockerOn(worker, "events", ...flags))
        .split("\n")
        .filter((line) => line.endsWith(id) && !line.includes(" none "));
      expect(events.sort()).toEqual([
        `connect att ${id}`,
        `connect second ${id}`,
        `disconnect att ${id}`,
        `disconnect second ${id}`,
      ]);
    });
  });

  test("attachments survive restarts of the container, and of skepd in between", async () => {
    await run(manager, "there", "--network", "att");
    await run(worker, "ours", "--network", "att", "--ip", "10.77.0.60");
    await run(worker, "plain");
    await swarm.dockerOn(worker, "network", "connect", "att", "plain");
    await cluster.killSkepd(worker);
    await reach(manager, "there", "10.77.0.60");
    await cluster.engine(worker, "restart", "-t", "0", "plain");
    await cluster.startSkepd(worker);
    for (const name of ["ours", "plain"]) {
      await reach(worker, name, "there");
      await swarm.dockerOn(worker, "restart", "-t", "0", name);
      await reach(worker, name, "there");
      await reach(manager, "there", name);
    }
    await swarm.dockerOn(worker, "stop", "-t", "0", "ours", "plain");
    await eventually(async () => expect(await attached()).toBe(1));
    await swarm.dockerOn(worker, "network", "connect", "second", "ours");
    expect(Object.keys(await networks(worker, "ours")).sort()).toEqual(["att", "second"]);
    await swarm.dockerOn(worker, "start", "ours");
    expect((await addresses(worker, "ours")).second).toMatch(/^10\.0\.\d+\.\d+$/);
    await reach(worker, "ours", "there");
  });

  test("a container with a restart policy is back on its network when its node is", async () => {
    await run(manager, "there", "--network", "att");
    await run(worker, "policy", "--network", "att", "--restart", "always");
    await cluster.kill(worker);
    await cluster.start(worker);
    await reach(worker, "policy", "there");
    await reach(manager, "there", "policy");
  });

  test("without a manager a worker says so within seconds, and what is attached works on", async () => {
    await run(manager, "there", "--network", "att");
    await run(worker, "ours", "--network", "att");
    await cluster.killSkepd(manager);
    const startedAt = Date.now();
    expect(await refusal(worker, "run", "--rm", "--network", "att", ...sleeper)).toContain(
      "no manager of the swarm answers",
    );
    expect(Date.now() - startedAt).toBeLessThan(8_000);
    await reach(worker, "ours", "there");
    await swarm.dockerOn(worker, "rm", "-f", "ours");
    await cluster.startSkepd(manager);
    await eventually(async () => expect(await attached()).toBe(1), 30_000, 500);
  });

  test("a node that leaves the swarm gives everything back, and its containers run on", async () => {
    await run(worker, "ours", "--network", "att");
    await run(worker, "plain");
    const before = await file(worker, "plain", "/etc/resolv.conf");
    await swarm.dockerOn(worker, "network", "connect", "att", "plain");
    await swarm.dockerOn(worker, "swarm", "leave");
    expect(await file(worker, "plain", "/etc/resolv.conf")).toBe(before);
    expect(await attached()).toBe(0);
    expect(await swarm.dockerOn(worker, "ps", "--format", "{{.Names}}")).toBe("plain\nours\n");
  });
});
