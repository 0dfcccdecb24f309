import { existsSync } from "node:fs";
import { Cluster } from "@skep/testkit";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { eventually } from "./cluster-helpers.ts";
import { deployStack, type NamedNetwork } from "./networks.ts";
import { clusterProblem, Operator, quick, sleeper } from "./operator.ts";

const clis = ["/usr/bin/docker", "/usr/local/bin/docker"].filter((path) => existsSync(path));

const stack = `
version: "3.7"
services:
  web: &service
    image: alpine:latest
    command: sleep 100000
    stop_grace_period: 1s
    networks: [front, back]
    deploy: { replicas: 3 }
    ports: ["8081:80"]
  db: { <<: *service, networks: [back], ports: [] }
networks:
  front:
  back: { internal: true }
`;

describe.skipIf(clusterProblem())(`networks of a swarm of three ${clusterProblem() ?? ""}`, () => {
  let cluster: Cluster;
  let swarm: Operator;

  const network = async (name: string): Promise<NamedNetwork & Inspected> => {
    const [found] = JSON.parse(await swarm.docker("network", "inspect", "-v", name));
    return found;
  };
  const create = (...args: readonly string[]) => swarm.docker("network", "create", "-d", "overlay", ...args);
  const names = async (operator = swarm, ...flags: readonly string[]) =>
    (await operator.docker("network", "ls", "--format", "{{.Name}}", ...flags)).split("\n").filter(Boolean).sort();
  const errors = async (service: string) =>
    (await swarm.tasks(service)).filter(({ Status }) => Status.State === "new").map(({ Status }) => Status.Err ?? "");

  beforeAll(async () => {
    cluster = await Cluster.create({ nodes: 3 });
    await cluster.importTestImage("alpine:latest");
    await cluster.formSwarm();
    swarm = new Operator(cluster);
  });

  afterEach(async () => {
    await swarm.clear();
    await swarm.docker("network", "prune", "-f");
    await eventually(async () => expect(await names(swarm, "--filter", "driver=overlay")).toEqual(["ingress"]));
  });

  afterAll(async () => {
    await cluster?.[Symbol.asyncDispose]();
    expect(await cluster?.leftovers()).toEqual([]);
  });

  describe.each(clis)("with the CLI %s", (cli) => {
    test("are made, listed, filtered, looked at and removed", async () => {
      const operator = new Operator(cluster, "node-1", cli);
      const id = (await operator.docker("network", "create", "-d", "overlay", "--label", "team=bees", "web")).trim();
      expect(id).toMatch(/^[0-9a-z]{25}$/);
      await operator.docker(
        ...["network", "create", "-d", "overlay", "--attachable", "--internal", "--opt"],
        ...["com.docker.network.driver.mtu=1400", "--subnet", "10.50.0.0/24", "--gateway", "10.50.0.9"],
        ...["--ip-range", "10.50.0.128/25", "lab"],
      );
      expect(await names(operator)).toEqual(["bridge", "host", "ingress", "lab", "none", "web"]);
      expect(await names(operator, "--filter", "label=team=bees")).toEqual(["web"]);
      expect(await names(operator, "--filter", "driver=overlay", "--filter", "name=la")).toEqual(["lab"]);
      expect(await names(operator, "--filter", "scope=swarm")).toEqual(["ingress", "lab", "web"]);
      const [lab] = JSON.parse(await operator.docker("network", "inspect", "lab"));
      expect(lab).toMatchObject({
        ...{ Name: "lab", Scope: "swarm", Driver: "overlay", Internal: true, Attachable: true, Ingress: false },
        IPAM: { Config: [{ Subnet: "10.50.0.0/24", IPRange: "10.50.0.128/25", Gateway: "10.50.0.9" }] },
        Options: { "com.docker.network.driver.mtu": "1400" },
      });
      expect(await operator.refusal("network", "create", "-d", "overlay", "web")).toContain(
        "network with name web already exists",
      );
      expect(await operator.docker("network", "rm", "web", "lab")).toBe("web\nlab\n");
      expect(await operator.refusal("network", "inspect", "web")).toMatch(/network web not found|No such network: web/);
    });
  });

  test("in use are kept, and told by whom, in Docker's words", async () => {
    const id = (await create("web")).trim();
    await swarm.start("user", 1, ["--network", "web"]);
    const { ID } = await swarm.inspect("user");
    expect(await swarm.refusal("network", "rm", "web")).toContain(
      `rpc error: code = FailedPrecondition desc = network ${id} is in use by service ${ID}`,
    );
    await swarm.docker("service", "rm", "user");
    await swarm.docker("network", "rm", "web"); // its last task may still be on its way out
    expect(await names(swarm, "--filter", "driver=overlay")).toEqual(["ingress"]);
    await create("web");
  });

  test("that overlap are refused by name of what is in the way", async () => {
    await create("--subnet", "10.50.0.0/24", "first");
    expect(await swarm.refusal("network", "create", "-d", "overlay", "--subnet", "10.50.0.128/25", "x")).toMatch(
      /10\.50\.0\.128\/25 .*network first/,
    );
    const { address } = cluster.machine("node-2");
    const own = `${address.split(".").slice(0, 3).join(".")}.0/24`;
    expect(await swarm.refusal("network", "create", "-d", "overlay", "--subnet", own, "x")).toMatch(/node-\d|route/);
    expect(await swarm.refusal("network", "create", "-d", "overlay", "--opt", "encrypted", "x")).toContain(
      "encrypted overlay networks are not available",
    );
    expect(await names(swarm, "--filter", "driver=overlay")).toEqual(["first", "ingress"]);
  });

  test("without a free address say so at the tasks that wait, and go on when there is one", async () => {
    await create("--subnet", "10.60.0.0/29", "small"); // a gateway, a VIP, and four tasks
    await swarm.docker(
      ...["service", "create", ...quick, "--name", "many", "--replicas", "6", "--network", "small", ...sleeper],
    );
    const waiting = await eventually(async () => {
      expect(await swarm.running("many")).toHaveLength(4);
      return errors("many");
    });
    expect(waiting).toHaveLength(2);
    expect(waiting[0]).toMatch(
      /^no available IPv4 addresses on this network's address pools: small \(10\.60\.0\.0\/29\): \d in use/,
    );
    expect(await swarm.docker("service", "ps", "--no-trunc", "many")).toContain("no available IPv4 addresses");
    await swarm.docker("service", "scale", "-d", "many=4");
    await swarm.untilRunning("many", 4);
    await swarm.docker("service", "scale", "-d", "many=2");
    await swarm.untilRunning("many", 2);
    await swarm.start("other", 1, ["--network", "small", "--endpoint-mode", "dnsrr"]);
  }, 90_000);

  test("of a stack come and go with it, however soon after one another", async () => {
    for (let round = 0; round < 5; round++) {
      await deployStack(swarm, "shop", stack);
      await swarm.docker("stack", "rm", "shop");
    }
    await deployStack(swarm, "shop", stack);
    await swarm.untilRunning("shop_web", 3);
    await swarm.untilRunning("shop_db", 3);
    expect(await names(swarm, "--filter", "driver=overlay")).toEqual(["ingress", "shop_back", "shop_front"]);
    await swarm.docker("stack", "rm", "shop");
  });

  test("show their services, and the version that each node runs", async () => {
    await create("web");
    await swarm.start("one", 3, ["--network", "web"]);
    await eventually(async () => {
      const { Services, Skep } = await network("web");
      expect(Object.keys(Services ?? {})).toEqual(["one"]);
      expect(Services?.one?.Tasks).toHaveLength(3);
      expect(Services?.one?.VIP).toMatch(/^10\.0\.\d+\.\d+$/);
      expect(Skep.Nodes.map(({ Hostname, UpToDate }) => `${Hostname} ${UpToDate}`).sort()).toEqual([
        "node-1 true",
        "node-2 true",
        "node-3 true",
      ]);
    });
  });

  test("keep the address of a task on a node that is cut off from being anybody else's", async () => {
    await create("--subnet", "10.70.0.0/28", "web");
    await swarm.start("one", 3, ["--network", "web"]);
    const addressesOf = async () =>
      (await swarm.api<AddressedTask[]>("/v1.41/tasks"))
        .filter(({ ServiceID }) => ServiceID !== "")
        .flatMap(({ ID, NetworksAttachments = [] }) =>
          NetworksAttachments.flatMap(({ Addresses }) => Addresses.map((address) => ({ ID, address }))),
        );
    const before = await addressesOf();
    await cluster.cutLink("node-3");
    try {
      await eventually(async () => expect(await swarm.docker("node", "ls")).toMatch(/node-3 +Down/));
      await swarm.untilRunning("one", 3);
      await swarm.docker("service", "scale", "-d", "one=6");
      await swarm.untilRunning("one", 6);
      const owners = Map.groupBy([...before, ...(await addressesOf())], ({ address }) => address);
      for (const [address, uses] of owners)
        expect({ address, owners: new Set(uses.map(({ ID }) => ID)).size }).toEqual({ address, owners: 1 });
    } finally {
      await cluster.restoreLink("node-3");
    }
    await eventually(async () => expect(await swarm.docker("node", "ls")).toMatch(/node-3 +Ready/));
  }, 60_000);
});

interface Inspected {
  readonly Services?: Readonly<Record<string, { readonly VIP: string; readonly Tasks: readonly unknown[] }>>;
  readonly Skep: { readonly Nodes: readonly { readonly Hostname: string; readonly UpToDate: boolean }[] };
}

interface AddressedTask {
  readonly ID: string;
  readonly ServiceID: string;
  readonly NetworksAttachments?: readonly { readonly Addresses: readonly string[] }[];
}
