import { fileURLToPath } from "node:url";
import { Cluster, runCommand } from "@skep/testkit";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Clients, errorOf, inside, lines } from "./clients.ts";
import { eventually } from "./cluster-helpers.ts";
import { vipOf } from "./networks.ts";
import { clusterProblem, Operator } from "./operator.ts";

const skep = fileURLToPath(new URL("../bin/skep", import.meta.url));

describe.skipIf(clusterProblem())(`the doctor on three nodes ${clusterProblem() ?? ""}`, () => {
  let cluster: Cluster;
  let swarm: Operator;
  let clients: Clients;

  const doctor = (node: string, ...flags: readonly string[]) =>
    runCommand([skep, "doctor", ...flags], {
      env: { ...process.env, DOCKER_HOST: `unix://${cluster.machine(node).paths.skepSocket}` },
    });
  const must = async (node: string, ...command: readonly string[]) => {
    const { code, stdout, stderr } = await cluster.exec(node, ...command);
    expect({ command, code, stderr }).toEqual({ command, code: 0, stderr: "" });
    return stdout;
  };

  beforeAll(async () => {
    cluster = await Cluster.create({ nodes: 3 });
    await cluster.importTestImage("web:local", "web");
    await cluster.formSwarm();
    swarm = new Operator(cluster);
    clients = new Clients(cluster);
    await swarm.docker("network", "create", "-d", "overlay", "net1");
    const at = (node: string) => ["--network", "net1", "--constraint", `node.hostname==${node}`];
    await swarm.start("near", 1, at("node-1"), ["web:local", "whoami", "80", "9999"]);
    await swarm.start("far", 1, at("node-2"), ["web:local", "whoami", "80", "9999"]);
  });

  afterAll(async () => {
    await cluster?.[Symbol.asyncDispose]();
    expect(await cluster?.leftovers()).toEqual([]);
  });

  test("finds nothing wrong with healthy nodes", async () => {
    for (const node of cluster.names) {
      await eventually(async () => {
        const { stdout, code } = await doctor(node, "--all");
        expect(stdout).toMatch(/^All \d+ checks passed\.$/m);
        expect(code).toBe(0);
        expect(stdout.match(/answers through the tunnel/g)).toHaveLength(2);
      });
    }
  });

  test("names the node whose tunnel a firewall closes, and the port", async () => {
    await must("node-3", "nft", "add table inet fw");
    await must("node-3", "nft", "add chain inet fw input { type filter hook input priority 0 ; policy accept ; }");
    await must("node-3", "nft", "add rule inet fw input udp dport 4789 drop");
    try {
      const { stdout, code } = await doctor("node-1");
      expect(stdout).toMatch(/XX {2}overlay: node-3 \([\d.]+\) does not answer through the tunnel/);
      expect(stdout).toContain("let UDP port 4789 through");
      expect(stdout).not.toContain("node-2");
      expect(code).toBe(1);
    } finally {
      await must("node-3", "nft", "delete table inet fw");
    }
    expect((await doctor("node-1")).code).toBe(0);
  });

  test("names a firewall that drops by default, with the rule that lets skep through", async () => {
    await must("node-2", "nft", "add table inet fw");
    await must("node-2", "nft", "add chain inet fw forward { type filter hook forward priority 0 ; policy drop ; }");
    try {
      const { stdout } = await doctor("node-2");
      expect(stdout).toContain("nft insert rule inet fw forward iifname skep-up accept");
      await must("node-2", "nft", "insert rule inet fw forward iifname skep-up accept");
      await must("node-2", "nft", "insert rule inet fw forward oifname skep-up accept");
    } finally {
      await must("node-2", "nft", "delete table inet fw");
    }
  });

  test("finds a way that takes less than the node's device, and overlays fit themselves to it", async () => {
    const near = await swarm.firstOf("near");
    const vip = await vipOf(swarm, "far");
    const large = () => clients.udp(inside(near), vip, 9999, 2, 1400);
    expect(lines(await large())).toHaveLength(2);
    await must("node-2", "ip", "link", "set", "eth0", "mtu", "1400");
    try {
      expect(errorOf((await large())[1])).toBeDefined(); // nobody says why: the packets are just gone
      const { stdout, code } = await doctor("node-1");
      // a veth lets a few bytes more through than it says, for a VLAN's tag
      expect(stdout).toMatch(/!! {2}MTU: 140\d bytes to node-2 \([\d.]+\), though this node's device takes 1500/);
      expect(code).toBe(0);
      await eventually(async () => expect(lines((await large()).slice(1))).toHaveLength(1));
      const { stdout: status } = await runCommand([skep, "network", "status"], {
        env: { ...process.env, DOCKER_HOST: `unix://${cluster.machine("node-1").paths.skepSocket}` },
      });
      expect(status).toMatch(/node-1: leg to node-2: packets of more than 140\d bytes do not get to node-2/);
    } finally {
      await must("node-2", "ip", "link", "set", "eth0", "mtu", "1500");
    }
    expect((await doctor("node-1")).stdout).toMatch(/^All \d+ checks passed\.$/m);
    await eventually(async () => expect(lines((await large()).slice(1))).toHaveLength(1));
  });

  test("names a manager that cannot be reached", async () => {
    await cluster.killSkepd("node-1");
    try {
      const { stdout, code } = await doctor("node-2");
      expect(stdout).toMatch(/XX {2}manager: [\d.]+:2377 does not answer/);
      expect(code).toBe(1);
    } finally {
      await cluster.startSkepd("node-1");
    }
  });

  test("names an overlay that a node's new route hides", async () => {
    await must("node-2", "ip", "route", "add", "10.0.1.0/28", "via", cluster.machine("node-3").address);
    try {
      const { stdout } = await doctor("node-2");
      expect(stdout).toContain("network net1 (10.0.1.0/24) overlaps 10.0.1.0/28");
    } finally {
      await must("node-2", "ip", "route", "del", "10.0.1.0/28");
    }
  });
});
