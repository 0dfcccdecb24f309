import type { Machine } from "@skep/machine";
import { expect, test } from "vitest";
import { nodeNames } from "../places.ts";
import type { World } from "../world.ts";
import { nodes, planNodes, renderPlan } from "./node-steps.ts";
import { unevenness } from "./proof-steps.ts";
import { addressIn, imageName } from "./service-steps.ts";
import { story } from "./story.ts";

/** A swarm of which nothing but the nodes is there. */
const emptyWorld = {
  look: async () => [],
  machine: () => ({ paths: { skepSocket: "/m/docker.sock" } }) as Machine,
  address: (name: string) => `192.168.99.1${name.slice(-1)}`,
  service: async () => undefined,
  nodeWith: async () => "node-2",
  shell: async () => ({ code: 0, output: "go-demo-db.\t600\tIN\tA\t10.0.1.2" }),
} as unknown as World;

async function commands(options = {}): Promise<string[]> {
  const parts = await Promise.all(story(options).map((step) => step.parts(emptyWorld)));
  return parts.flat().map(({ command }) => command);
}

test("the story is the chapter: networks, database, util, service, proxy, route, scale, in this order", async () => {
  const order = [
    "bin/skep machine create node-1 node-2 node-3",
    "docker swarm init --advertise-addr 192.168.99.11",
    "docker network create --driver overlay go-demo",
    "docker network create --driver overlay proxy",
    "--name go-demo-db --network go-demo skep/redis",
    "--name util --network go-demo --mode global skep/util",
    "--network go-demo --network proxy skep/go-demo",
    "--publish 80:80 --publish 443:443 --publish 8080:8080",
    "reconfigure?serviceName=go-demo&servicePath=/demo&port=8080&distribute=true",
    "docker service scale --detach go-demo=5",
    "nc -w 2 10.0.1.2 6379",
  ];
  const all = await commands();
  const places = order.map((part) => all.findIndex((command) => command.includes(part)));
  expect(places).not.toContain(-1);
  expect(places).toEqual([...places].sort((a, b) => a - b));
});

test("no command is so wide that a page would wrap it", async () => {
  const lines = (await commands()).flatMap((command) => command.split("\n"));
  expect(lines.filter((line) => line.length > 105)).toEqual([]);
});

test("every step says why, and every command what goes on meanwhile unless it is over at once", async () => {
  expect(story().every(({ title, why }) => title !== "" && why.length > 40)).toBe(true);
});

test("another database is pulled, copied and used in the place of Redis, which is not made", async () => {
  const all = await commands({ database: "mongo:7" });
  expect(all).toContain("docker pull --quiet mongo:7 &&\n  bin/skep machine load mongo:7 node-2 node-3 --from node-1");
  expect(all.some((command) => command.endsWith("--network go-demo mongo:7"))).toBe(true);
  expect(all.join("\n")).not.toContain("redis");
});

test("a database of another image is given the one that is asked for", async () => {
  const found = { image: "skep/redis:latest", replicas: 1, running: 1, desired: 1, isUpdating: false };
  const world = { ...emptyWorld, service: async () => found } as unknown as World;
  const commandWith = async (database?: string) => (await story({ database })[4]?.parts(world))?.[0]?.command;
  expect(await commandWith("mongo:7")).toBe(
    "docker service update --detach --no-resolve-image --image mongo:7 go-demo-db",
  );
  expect(await commandWith()).toContain("docker service create"); // as it was made; it is there, and stays
});

test("nodes are made, started or made anew as they are found", () => {
  const plan = planNodes([
    { name: "node-1", state: "running" },
    { name: "node-2", state: "degraded" },
    { name: "node-3", state: "incomplete" },
  ]);
  expect(renderPlan(plan).split("\n")).toEqual([
    "bin/skep machine rm -f node-3",
    "bin/skep machine create node-3",
    "bin/skep machine start node-2",
  ]);
});

test("nodes that run and do not answer yet are waited for, not taken as there", async () => {
  const observe = async (role?: string) => {
    const machine = { address: "192.168.99.11" };
    const reports = nodeNames.map((name, i) => ({
      name,
      state: "running",
      machine,
      role: i === 1 ? role : "worker",
    }));
    const world = { ...emptyWorld, look: async () => reports } as unknown as World;
    const [make] = await nodes.parts(world);
    return make?.observe?.(world);
  };
  expect(await observe()).toEqual({ state: "coming", text: "node-2 to answer" });
  expect(await observe("inactive")).toMatchObject({ state: "there" });
});

test("an image is the same with its default tag and whatever digest", () => {
  expect(["skep/redis", "skep/redis:latest@sha256:ab", "r:5000/mongo", "mongo:7"].map(imageName)).toEqual([
    "skep/redis:latest",
    "skep/redis:latest",
    "r:5000/mongo:latest",
    "mongo:7",
  ]);
});

test("the virtual address is the answer, not the server that gave it", () => {
  expect(addressIn(";; ANSWER SECTION:\ngo-demo-db.\t600\tIN\tA\t10.0.1.2\n;; SERVER: 127.0.0.11\n")).toBe("10.0.1.2");
  expect(addressIn(";; SERVER: 127.0.0.11\n")).toBeUndefined();
});

test("requests are even when two proxies, each taking turns, could have spread them so", () => {
  const counts = (...values: number[]) => new Map(values.map((value, i) => [`t${i}`, value]));
  expect(unevenness(counts(24, 24, 24, 24, 24))).toBeUndefined();
  expect(unevenness(counts(25, 23, 24, 25, 23))).toBeUndefined();
  expect(unevenness(counts(27, 24, 24, 24, 21))).toBe("between the most and the fewest requests of a task lie 6");
  expect(unevenness(counts(20, 20, 20, 20, 20))).toBe("the tasks have counted 100 requests instead of 120");
});
