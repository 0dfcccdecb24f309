import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { run } from "../run.ts";
import type { NetworkStatus, NodeStatus, SwarmNetworks } from "./answers.ts";
import { daemonAddress } from "./daemon-address.ts";

const node = (Hostname: string, fields: Partial<NodeStatus> = {}): NodeStatus => ({
  ...{ NodeID: `id-${Hostname}`, Hostname, State: "ready", Connected: true },
  ...{ Acknowledged: 120, UpToDate: true, LagMs: 0, Problems: [] },
  ...fields,
});
const network = (Name: string, fields: Partial<NetworkStatus> = {}): NetworkStatus => ({
  ...{ ID: `${Name}0id`, Name, VNI: 4097, Subnets: ["10.0.1.0/24"], Ingress: false, Revision: 120 },
  ...{ Nodes: [], Services: [] },
  ...fields,
});
const late = node("node-2", {
  Acknowledged: 97,
  UpToDate: false,
  LagMs: 2300,
  Problems: ["port tcp/80: nginx (pid 9) listens on it"],
});
const swarm: SwarmNetworks = {
  Revision: 120,
  Networks: [
    network("ingress", { VNI: 4096, Subnets: ["10.0.0.0/24"], Nodes: [node("node-1"), late] }),
    network("web", {
      Nodes: [node("node-1"), late, node("node-3", { Acknowledged: 0, UpToDate: false, Connected: false })],
      Services: [
        {
          ...{ Name: "api", VIP: "10.0.1.2", Ports: [] },
          Targets: [
            { Task: "api.1.abc", Address: "10.0.1.3", State: "ready" },
            { Task: "api.2.def", Address: "10.0.1.4", State: "draining" },
          ],
        },
        { Name: "idle", VIP: "", Ports: [], Targets: [] },
      ],
    }),
  ],
};

/** What `skep network …` prints when a daemon on a socket answers with `answer`. */
async function skep(argv: readonly string[], answer: unknown, status = 200) {
  const folder = await mkdtemp(join(tmpdir(), "skep-cli-"));
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(request.url ?? "");
    response.writeHead(status).end(JSON.stringify(answer));
  }).listen(join(folder, "sock"));
  await once(server, "listening");
  const output = { stdout: "", stderr: "" };
  const code = await run(["network", ...argv], {
    stdout: { write: (text) => (output.stdout += text) },
    stderr: { write: (text) => (output.stderr += text) },
    environment: { DOCKER_HOST: `unix://${join(folder, "sock")}` },
  });
  server.close();
  await rm(folder, { recursive: true });
  return { ...output, code, asked };
}

test("shows every network with the nodes that are behind, and their problems once", async () => {
  const { stdout, asked } = await skep(["status"], swarm);
  expect(asked).toEqual(["/skep/network/status"]);
  expect(stdout.split("\n")).toEqual([
    "NETWORK   VNI    SUBNET        SERVICES   NODES   BEHIND     PROBLEMS",
    "ingress   4096   10.0.0.0/24   0          2       1 (2.3s)   1",
    "web       4097   10.0.1.0/24   2          3       2 (2.3s)   1",
    "",
    "node-2: port tcp/80: nginx (pid 9) listens on it",
    "",
  ]);
});

test("shows one network with each node's version and each service's targets", async () => {
  const { stdout } = await skep(["status", "web"], swarm);
  expect(stdout.split("\n")).toEqual([
    "Network web: VNI 4097, 10.0.1.0/24, last changed at revision 120",
    "",
    "NODE     STATE   REVISION   LAG          PROBLEMS",
    "node-1   ready   120                     0",
    "node-2   ready   97         2.3s         1",
    "node-3   ready   none       no session   0",
    "",
    "SERVICE   VIP        PORTS   TARGET      ADDRESS    STATE",
    "api       10.0.1.2           api.1.abc   10.0.1.3   ready",
    "                             api.2.def   10.0.1.4   draining",
    "idle      (dnsrr)            (none)",
    "",
    "node-2: port tcp/80: nginx (pid 9) listens on it",
    "",
  ]);
});

test("prints JSON for programs", async () => {
  expect(JSON.parse((await skep(["status", "--json"], swarm)).stdout)).toEqual(swarm);
  expect(JSON.parse((await skep(["status", "--json", "ingress0"], swarm)).stdout)).toEqual(swarm.Networks[0]);
});

test("says what the daemon says when it refuses, and that a network is not there", async () => {
  expect(await skep(["status"], { message: "This node is not a swarm manager." }, 503)).toMatchObject({
    stderr: "skep: This node is not a swarm manager.\n",
    code: 1,
  });
  expect((await skep(["status", "nosuch"], swarm)).stderr).toBe("skep: network nosuch not found\n");
  expect((await skep(["status"], { message: "page not found" }, 404)).stderr).toContain("is not skepd");
});

test("shows what a node has of the networks", async () => {
  const sandbox = {
    ...{ containerId: "c1", name: "api.1.abc", hostPorts: [] },
    interfaces: [
      { networkId: "web0id", device: "eth0", address: "10.0.1.3/24" },
      { networkId: "gateway", device: "eth1", address: "100.66.0.2/16" },
    ],
  };
  const networks = [{ ID: "web0id", Name: "web", VNI: 4097, Subnets: ["10.0.1.0/24"], Containers: 1 }];
  const { stdout } = await skep(["local"], { Revision: 9, Networks: networks, Sandboxes: [sandbox], Problems: [] });
  expect(stdout.split("\n")).toEqual([
    "This node's networks are at revision 9",
    "",
    "NETWORK   VNI    SUBNET        CONTAINERS",
    "web       4097   10.0.1.0/24   1",
    "",
    "CONTAINER   DEVICE   NETWORK   ADDRESS",
    "api.1.abc   eth0     web       10.0.1.3/24",
    "            eth1     gateway   100.66.0.2/16",
    "",
  ]);
});

test("finds the daemon as docker does", () => {
  const find = (environment: Record<string, string>) => daemonAddress(environment, (path) => path);
  expect(find({})).toEqual({ socketPath: "/run/skep/docker.sock" });
  expect(find({ DOCKER_HOST: "unix:///a/b.sock" })).toEqual({ socketPath: "/a/b.sock" });
  expect(find({ DOCKER_HOST: "tcp://10.0.0.1" })).toEqual({ host: "10.0.0.1", port: 2375 });
  expect(find({ DOCKER_HOST: "tcp://[::1]:99", DOCKER_TLS_VERIFY: "1", DOCKER_CERT_PATH: "/c" })).toEqual({
    ...{ host: "::1", port: 99, tls: { ca: "/c/ca.pem", cert: "/c/cert.pem", key: "/c/key.pem" } },
  });
  expect(() => find({ DOCKER_HOST: "ssh://me@there" })).toThrow("unix://… or tcp://… only");
});
