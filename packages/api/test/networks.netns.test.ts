import { existsSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { fileURLToPath } from "node:url";
import { createCluster, defaultClusterSpec, detachedContext, type NewCluster } from "@skep/manager";
import { engineNetworks, type NodeId, silentLogger, systemClock } from "@skep/model";
import { MemoryStore } from "@skep/store";
import { PrivateEngine, privateEngineProblem, runCommand } from "@skep/testkit";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type ApiServer, createApiServer } from "../src/api-server.ts";
import { ClusterEventLog } from "../src/cluster-event-log.ts";
import { clusterRoutes } from "../src/routes/cluster.ts";
import type { ManagerAccess, SwarmNode } from "../src/swarm-node.ts";

/** 20.10 and 28, where this machine has both. */
const clis = ["/usr/bin/docker", "/usr/local/bin/docker"].filter((path) => existsSync(path));
const skepCli = fileURLToPath(new URL("../../cli/src/main.ts", import.meta.url));
const problem = privateEngineProblem() ?? (clis.length > 0 ? undefined : "needs a docker CLI");

describe.skipIf(problem)(`docker network on a manager${problem ? ` (skipped: ${problem})` : ""}`, () => {
  let engine: PrivateEngine;
  let api: ApiServer;
  let folder: string;
  let socketPath: string;

  beforeAll(async () => {
    engine = await PrivateEngine.start();
    folder = await mkdtemp(join(tmpdir(), "skep-networks-"));
    socketPath = join(folder, "api.sock");
    const [clock, logger] = [systemClock, silentLogger];
    const store = new MemoryStore({ clock });
    await createCluster(store, clock, newCluster);
    const swarm = managerOf(store);
    const events = new ClusterEventLog(clock, logger);
    const routes = clusterRoutes({ swarm, clock });
    api = createApiServer({ engine: engine.socketPath, swarm, routes, events, clock, logger });
    await api.listen({ socketPath });
  }, 60_000);

  afterAll(async () => {
    await api?.close();
    await engine?.stop();
    if (folder) await rm(folder, { recursive: true });
  }, 60_000);

  describe.each(clis)("%s", (cli) => {
    const docker = async (...args: string[]) => {
      const env = { ...process.env, DOCKER_HOST: `unix://${socketPath}` };
      const { stdout, stderr, code } = await runCommand([cli, ...args], { env });
      return code === 0 ? stdout.trimEnd() : stderr.trimEnd();
    };

    const skep = async (...args: string[]) => {
      const env = { ...process.env, DOCKER_HOST: `unix://${socketPath}` };
      return (await runCommand([process.execPath, skepCli, ...args], { env })).stdout;
    };

    test("creates, lists, inspects and removes networks of the swarm and of the engine", async () => {
      const id = await docker("network", "create", "-d", "overlay", "--label", "team=a", "--attachable", "front");
      expect(id).toMatch(/^[0-9a-z]{25}$/);
      expect(await docker("network", "create", "back")).toMatch(/^[0-9a-f]{64}$/);
      const names = ["network", "ls", "--format", "{{.Name}} {{.Driver}} {{.Scope}}"];
      expect((await docker(...names)).split("\n")).toEqual([
        "back bridge local",
        "bridge bridge local",
        "front overlay swarm",
        "host host local",
        "ingress overlay swarm",
        "none null local",
      ]);
      expect(await docker(...names, "--filter", "driver=overlay", "--filter", "label=team=a")).toBe(
        "front overlay swarm",
      );
      expect(await docker("network", "inspect", "-f", "{{.Id}} {{.Attachable}}", "front")).toBe(`${id} true`);
      const [shown] = JSON.parse(await docker("network", "inspect", "-v", id.slice(0, 8)));
      expect(shown).toMatchObject({ Name: "front", Labels: { team: "a" }, Skep: { Revision: 0, Nodes: [] } });
      expect(await docker("network", "create", "-d", "overlay", "back")).toContain(
        "network with name back already exists",
      );
      expect(await docker("network", "create", "front")).toContain("network with name front already exists");
      expect(await docker("network", "inspect", "nosuch")).toMatch(/network nosuch not found|No such network: nosuch/);
      expect(await docker("network", "rm", "front", "back")).toBe("front\nback");
    });

    test("refuses to remove a network that a service is on, and prunes those that nobody uses", async () => {
      await docker("network", "create", "-d", "overlay", "used");
      await docker("network", "create", "-d", "overlay", "idle");
      await docker("network", "create", "local");
      await docker("service", "create", "-d", "-q", "--no-resolve-image", "--name", "web", "--network", "used", "web");
      expect(await docker("network", "rm", "used")).toMatch(/network \w{25} is in use by service \w{25}/);
      expect(await docker("service", "inspect", "-f", "{{len .Endpoint.VirtualIPs}}", "web")).toBe("1");
      expect((await docker("network", "prune", "-f")).split("\n")).toEqual(["Deleted Networks:", "idle", "local"]);
      expect(await docker("service", "rm", "web")).toBe("web");
      expect(await docker("network", "rm", "used")).toBe("used");
    });

    test("puts a service on the engine's host network", async () => {
      await docker(
        "service",
        "create",
        "-d",
        "-q",
        "--no-resolve-image",
        "--name",
        "hostnet",
        "--network",
        "host",
        "web",
      );
      const [{ Endpoint }] = JSON.parse(await docker("service", "inspect", "hostnet"));
      const [host] = JSON.parse(await docker("network", "inspect", engineNetworks.host));
      expect(Endpoint.VirtualIPs).toEqual([{ NetworkID: engineNetworks.host }]);
      expect(host).toMatchObject({ Name: "host", Driver: "host", Scope: "swarm", IPAM: { Config: [] } });
      expect(await docker("service", "rm", "hostnet")).toBe("hostnet");
    });

    test("deploys a stack with its networks, removes it, and deploys it again at once", async () => {
      const file = join(folder, "stack.yml");
      await writeFile(file, stack);
      const deploy = ["stack", "deploy", "--resolve-image", "never", "-c", file, "st"];
      for (let round = 0; round < 2; round++) {
        expect((await docker(...deploy)).replace(/.*--detach.*\n.*\n?/, "")).toContain("Creating service st_web");
        const [web] = JSON.parse(await docker("service", "inspect", "st_web"));
        const [front] = JSON.parse(await docker("network", "inspect", "st_front"));
        expect(web.Spec.TaskTemplate.Networks).toEqual([{ Target: front.Id, Aliases: ["web"] }]);
        expect(web.Endpoint.VirtualIPs).toEqual([
          { NetworkID: front.Id, Addr: expect.stringMatching(/^10\.0\.\d+\.2\/24$/) },
        ]);
        expect(front).toMatchObject({ Labels: { "com.docker.stack.namespace": "st" }, Internal: true });
        expect(await docker("network", "ls", "-q", "--filter", "label=com.docker.stack.namespace=st")).toBe(
          front.Id.slice(0, 12),
        );
        expect(await skep("network", "status", "st_front")).toContain(
          `st_web    ${web.Endpoint.VirtualIPs[0].Addr.split("/")[0]}`,
        );
        expect(await docker("stack", "rm", "st")).toContain("Removing network st_front");
        expect(await docker("network", "ls", "-q", "--filter", "label=com.docker.stack.namespace=st")).toBe("");
      }
    });
  });
});

const newCluster: NewCluster = {
  ...{ spec: defaultClusterSpec({}), availability: "active", advertiseAddr: "192.0.2.1:2377", address: "192.0.2.1" },
  ...{ dataPathAddr: "", routes: [], defaultAddrPool: [], subnetSize: 24, dataPathPort: 4789 },
};

const stack = `
version: "3.8"
services:
  web: { image: "alpine:latest", networks: [front], deploy: { replicas: 0 } }
networks:
  front: { driver: overlay, internal: true }
`;

function managerOf(store: MemoryStore): SwarmNode {
  const refuse = () => Promise.reject(new Error("not part of this test"));
  const access: ManagerAccess = {
    store,
    control: detachedContext(),
    networkProgress: () => ({ revision: store.view().revision, nodes: [], networks: [] }),
    taskLogs: async () => new PassThrough().end(),
    rotateJoinToken: refuse,
  };
  return {
    status: () => ({ state: "active", role: "manager", nodeId: "unlx4m4cv1lk19qol84jakw9r" as NodeId }),
    manager: () => access,
    networks: () => undefined,
    init: refuse,
    join: refuse,
    leave: refuse,
  };
}
