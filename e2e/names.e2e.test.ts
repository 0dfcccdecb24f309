import { Cluster } from "@skep/testkit";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Clients, inside, lines } from "./clients.ts";
import { eventually } from "./cluster-helpers.ts";
import { addressesIn, NameClients } from "./name-clients.ts";
import { addressOn, taskAddresses, vipOf } from "./networks.ts";
import { clusterProblem, Operator, quick } from "./operator.ts";

// What containers are told by the resolver at 127.0.0.11, asked from inside of them.

const idle = ["web:local", "sleep", "100000"] as const;

describe.skipIf(clusterProblem())(`names on three nodes ${clusterProblem() ?? ""}`, () => {
  let cluster: Cluster;
  let swarm: Operator;
  let names: NameClients;

  const start = (name: string, replicas: number, ...flags: readonly string[]) =>
    swarm.start(name, replicas, flags, idle);
  const from = async (service: string) => inside(await swarm.firstOf(service));
  const allAddresses = async (service: string, network = "net1") =>
    [...(await taskAddresses(swarm, service, network)).values()].sort();
  const ip = (node: string) => cluster.machine(node).address;

  beforeAll(async () => {
    cluster = await Cluster.create({ nodes: 3 });
    await cluster.importTestImage("web:local", "web");
    await cluster.formSwarm();
    swarm = new Operator(cluster);
    names = new NameClients(new Clients(cluster));
    await swarm.docker("network", "create", "-d", "overlay", "net1");
    await swarm.docker("network", "create", "-d", "overlay", "net2");
    await Promise.all([
      start("client", 1, "--network", "net1", "--constraint", "node.hostname==node-1"),
      start("web", 3, "--network", "name=net1,alias=shared"),
      start("api", 1, "--network", "name=net1,alias=shared,alias=Second.Name"),
      start(
        "rr",
        3,
        "--network",
        "name=net1,alias=rr-alias",
        "--endpoint-mode",
        "dnsrr",
        "--hostname",
        "h{{.Task.Slot}}",
      ),
      start("both", 1, "--network", "net1", "--network", "net2", "--constraint", "node.hostname==node-2"),
      start("other", 2, "--network", "name=net2,alias=elsewhere"),
    ]);
  });

  afterAll(async () => {
    await cluster?.[Symbol.asyncDispose]();
    expect(await cluster?.leftovers()).toEqual([]);
  });

  test("a service's name is its virtual IP, for 600 seconds", async () => {
    const vip = await vipOf(swarm, "web");
    const answers = await names.ask(await from("client"), "A web", "A WEB", "A web tcp", "A web.net1", "A Web.NET1");
    for (const { code, records } of answers) {
      expect({ code, records }).toEqual({ code: "NOERROR", records: [{ type: "A", data: vip, ttl: 600 }] });
    }
  });

  test("a service without virtual IP has the addresses of its tasks, in changing order and for a short time", async () => {
    const client = await from("client");
    const answers = await names.ask(client, ...Array<string>(20).fill("A rr"));
    const tasks = await allAddresses("rr");
    expect(tasks).toHaveLength(3);
    for (const answer of answers) {
      expect(addressesIn(answer)).toEqual(tasks);
      expect(Math.max(...answer.records.map(({ ttl }) => ttl))).toBeLessThanOrEqual(1);
    }
    expect(new Set(answers.map(({ records }) => records[0]?.data)).size).toBeGreaterThan(1);
    expect(await names.addresses(client, "rr-alias")).toEqual(tasks);
  });

  test("an alias of two services has the addresses of both", async () => {
    const client = await from("client");
    expect(await names.addresses(client, "shared")).toEqual(
      [await vipOf(swarm, "web"), await vipOf(swarm, "api")].sort(),
    );
    expect(await names.addresses(client, "second.name")).toEqual([await vipOf(swarm, "api")]);
    const tasks = [...(await allAddresses("web")), ...(await allAddresses("api"))].sort();
    expect(await names.addresses(client, "tasks.shared")).toEqual(tasks);
  });

  test("tasks.NAME has the addresses of the tasks, whatever the service's endpoint mode", async () => {
    const client = await from("client");
    for (const service of ["web", "rr"]) {
      expect(await names.addresses(client, `tasks.${service}`)).toEqual(await allAddresses(service));
      expect(await names.addresses(client, `TASKS.${service}.net1`)).toEqual(await allAddresses(service));
    }
  });

  test("a container is found by its name, its short id and its host name, and its address has a name", async () => {
    const client = await from("client");
    for (const container of await swarm.running("rr")) {
      const slot = container.name.split(".")[1];
      const address = await addressOn(swarm, container, "net1");
      for (const name of [container.name, container.id.slice(0, 12), `h${slot}`, `H${slot}.net1`]) {
        expect({ name, found: await names.addresses(client, name) }).toEqual({ name, found: [address] });
      }
      const reverse = await names.askOne(client, `PTR ${address.split(".").reverse().join(".")}.in-addr.arpa`);
      expect(reverse.records.map(({ data }) => data)).toEqual([`${container.name}.net1`]);
    }
  });

  test("a known name without IPv6 address is not denied", async () => {
    const questions = ["web", "rr", "tasks.web", "web.net1", "shared", (await swarm.firstOf("rr")).name];
    const answers = await names.ask(await from("client"), ...questions.map((name) => `AAAA ${name}`));
    expect(answers.map(({ code, records }) => ({ code, records }))).toEqual(
      questions.map(() => ({ code: "NOERROR", records: [] })),
    );
  });

  test("a container sees the names of its own networks only, in the order in which it is on them", async () => {
    const hidden = ["other", "elsewhere", "tasks.other", "other.net2", (await swarm.firstOf("other")).name];
    const client = await from("client");
    for (const answer of await names.ask(client, ...hidden.map((name) => `A ${name}`))) {
      expect(answer.code).not.toBe("NOERROR");
      expect(answer.records).toEqual([]);
    }
    const both = await from("both");
    for (const name of ["other", "elsewhere", "other.net2"]) {
      expect(await names.addresses(both, name)).toEqual([await vipOf(swarm, "other")]);
    }
    // the CLI has sorted the networks by their ids
    const { Spec } = await swarm.inspect("both");
    const { Name: first } = await swarm.api<{ Name: string }>(
      `/v1.41/networks/${Spec.TaskTemplate.Networks[0].Target}`,
    );
    expect(await names.addresses(both, "tasks.both")).toEqual(await allAddresses("both", first));
    expect(await names.addresses(both, "tasks.both.net1")).toEqual(await allAddresses("both", "net1"));
    expect(await names.addresses(both, "tasks.both.net2")).toEqual(await allAddresses("both", "net2"));
    expect((await names.askOne(both, "A web.net2")).records).toEqual([]);
  });

  test("a task has no name until its health check has passed", async () => {
    const flags = ["--health-cmd", "test -e /healthy", "--health-interval", "1s", "--health-retries", "100"];
    await swarm.docker("service", "create", ...quick, "--name", "slow", "--network", "net1", ...flags, ...idle);
    const container = await eventually(() => swarm.firstOf("slow"));
    const client = await from("client");
    const questions = ["tasks.slow", container.name, container.id.slice(0, 12)].map((name) => `A ${name}`);
    await eventually(async () => {
      const { stdout } = await cluster.engine(container.node, "inspect", "-f", "{{.State.Health.Log}}", container.id);
      expect(stdout).toMatch(/\d/); // it has been checked
    });
    for (const { records } of await names.ask(client, ...questions)) expect(records).toEqual([]);
    expect(await names.addresses(client, "slow")).toEqual([await vipOf(swarm, "slow")]);
    await cluster.engine(container.node, "exec", container.id, "touch", "/healthy");
    const address = await addressOn(swarm, container, "net1");
    await eventually(async () => {
      for (const answer of await names.ask(client, ...questions)) expect(addressesIn(answer)).toEqual([address]);
    });
    await swarm.docker("service", "rm", "slow");
  });

  test("no answer has a task that has got its stop signal, through an update of all", async () => {
    const script =
      'a=$(hostname -i); trap "read up idle </proc/uptime; echo TERM \\$up $a; exit 0" TERM; while :; do sleep 0.1; done';
    const flags = ["--network", "net1", "--endpoint-mode", "dnsrr", "--update-parallelism", "2"];
    await swarm.start("rolling", 4, flags, ["web:local", "sh", "-c", script]);
    const watchers = await Promise.all(
      ["client", "both"].map(async (service) => names.watch(await from(service), "rolling")),
    );
    // each has seen all of them before the first is told to stop
    const first = await Promise.all(watchers.map((watcher) => watcher.next()));
    const before = new Set((await swarm.running("rolling")).map(({ id }) => id));
    await swarm.docker("service", "update", "-d", "--force", "--no-resolve-image", "rolling");
    await swarm.untilUpdate("rolling", "completed");
    const ends = new Map<string, number>();
    for (const { id, node } of await swarm.containers()) {
      if (!before.has(id)) continue;
      const { stdout } = await cluster.engine(node, "logs", id);
      const [, uptime, address] = /TERM ([\d.]+) ([\d.]+)/.exec(stdout) ?? [];
      if (address) ends.set(address, Number(uptime));
    }
    expect(ends.size).toBe(4);
    for (const [at, watcher] of watchers.entries()) {
      await watcher[Symbol.asyncDispose]();
      const answers = lines([...first.slice(at, at + 1), ...(await watcher.rest())]).map((line) => line.split(" "));
      expect(answers.length).toBeGreaterThan(20);
      const late = answers.filter(([asked = "", found = ""]) =>
        found.split(",").some((address) => Number(asked) > (ends.get(address) ?? Number.POSITIVE_INFINITY)),
      );
      expect(late).toEqual([]);
      for (const address of ends.keys()) expect(answers.some(([, found = ""]) => found.includes(address))).toBe(true);
    }
    await swarm.docker("service", "rm", "rolling");
  });

  describe("names from outside", () => {
    test("are asked of the node's servers, by UDP and TCP", async () => {
      const { stdout } = await cluster.exec("node-1", "cat", "/etc/resolv.conf");
      const nameserver = /^nameserver ([\d.]+)$/m.exec(stdout)?.[1] ?? "";
      await using server = await names.serve({ node: "node-1" }, nameserver);
      const client = await from("client");
      for (const question of ["A some.test", "A some.test tcp"]) {
        expect((await names.askOne(client, question)).records).toMatchObject([{ data: "192.0.2.7" }]);
        expect(await server.next()).toEqual({ line: "A some.test" });
      }
      expect(await names.askOne(client, "A other")).toMatchObject({ code: "NXDOMAIN", records: [] });
      expect(await names.askOne(client, "AAAA some.test")).toMatchObject({ code: "NOERROR", records: [] });
    });

    test("are asked of the service's own servers, the next when one is dead, with its domains and options", async () => {
      await using server = await names.serve({ node: "node-2" }, ip("node-2"));
      const nobody = ip("node-2").replace(/\.\d+$/, ".250");
      const flags = ["--dns", nobody, "--dns", ip("node-2"), "--dns-search", "domain.test"];
      const more = ["--dns-option", "timeout:7", "--dns-option", "ndots:1", "--constraint", "node.hostname==node-1"];
      await start("own", 1, "--network", "net1", ...flags, ...more);
      const container = await swarm.firstOf("own");
      const { stdout } = await cluster.docker(container.node, "exec", container.id, "cat", "/etc/resolv.conf");
      expect(stdout).toMatch(/^nameserver 127\.0\.0\.11$/m);
      expect(stdout).toMatch(/^search domain\.test$/m);
      expect(stdout).toMatch(/^options .*timeout:7/m);
      expect(stdout).toMatch(/^options .*ndots:1/m);
      const own = await from("own");
      const first = await names.askOne(own, "A some.test");
      expect(first.records).toMatchObject([{ data: "192.0.2.7" }]);
      const second = await names.askOne(own, "A some.test");
      expect(second.afterMs).toBeLessThan(1000); // the dead one is not asked first again
      expect(addressesIn(await names.askOne(own, "A web"))).toEqual([await vipOf(swarm, "web")]);
      const looked = await cluster.docker(container.node, "exec", container.id, "nslookup", "short");
      expect(looked.stdout).toContain("192.0.2.7");
      const asked = [await server.next(), await server.next(), await server.next()];
      expect(lines(asked)).toEqual(["A some.test", "A some.test", expect.stringMatching(/^A+ short\.domain\.test$/)]);
      await swarm.docker("service", "rm", "own");
    });
  });

  test("answers too long for a packet say so, and come whole by TCP and to clients that take longer ones", async () => {
    const long = `${["a", "b", "c"].map((letter) => letter.repeat(63)).join(".")}.long`;
    await start("many", 24, "--network", `name=net1,alias=${long}`);
    const client = await from("client");
    const tasks = await allAddresses("many");
    expect(tasks).toHaveLength(24);
    const name = `tasks.${long}`;
    const [plain, byTcp, edns, small] = await names.ask(
      client,
      `A ${name}`,
      `A ${name} tcp`,
      `A ${name} 1232`,
      `A ${name} 600`,
    );
    expect(plain).toMatchObject({ truncated: true, edns: false });
    expect(plain?.bytes).toBeLessThanOrEqual(512);
    expect(plain?.records.length).toBeGreaterThan(5);
    expect(byTcp && addressesIn(byTcp)).toEqual(tasks);
    expect(byTcp?.truncated).toBe(false);
    expect(edns && addressesIn(edns)).toEqual(tasks);
    expect(edns).toMatchObject({ truncated: false, edns: true });
    expect(small).toMatchObject({ truncated: true, edns: true });
    expect(small?.bytes).toBeLessThanOrEqual(600);
  });
});
