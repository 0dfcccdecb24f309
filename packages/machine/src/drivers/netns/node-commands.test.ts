import { expect, test } from "vitest";
import { type Machine, machinePaths } from "../../machine.ts";
import { engineCommand, engineConfig, enterCommand, initCommand, skepdCommand } from "./node-commands.ts";

const root = "/m";
const machine: Machine = {
  ...{ name: "node-1", driver: "netns", root, prefix: "skep", subnet: "192.168.99.0/24", index: 11 },
  ...{ address: "192.168.99.11", nameservers: [], createdAt: "2026-01-01T00:00:00.000Z" },
  engineOptions: ["--registry-mirror=http://192.168.99.1:5000"],
  paths: machinePaths(root, "node-1"),
};

test("a node's first process is started in the node's network, and in namespaces of its own", () => {
  const command = initCommand(machine).join(" ");
  expect(command).toMatch(
    /^nsenter --net=\/run\/netns\/skep-node-1 unshare --mount --uts --pid --fork bash \S+\/node-init.sh \/m\/node-1 node-1$/,
  );
});

test("the engine keeps its state in the node's folder, and the operator's flags come last", () => {
  expect(engineCommand(machine).join(" ")).toBe(
    "dockerd --host unix:///run/docker.sock --pidfile /run/docker.pid --data-root /m/node-1/docker" +
      " --exec-root /run/docker --config-file /m/node-1/etc/daemon.json --exec-opt native.cgroupdriver=cgroupfs" +
      " --cgroup-parent /skep-node-1 --bip 172.17.0.1/16 --registry-mirror=http://192.168.99.1:5000",
  );
});

test("the engine has skep's runtime from its first start on, by flag where the operator's flags have runtimes too", () => {
  const path = expect.stringMatching(/^\/.*\/bin\/skep-runc$/);
  expect(engineConfig(machine)).toEqual({ runtimes: { skep: { path } } });
  const other = { ...machine, engineOptions: ["--add-runtime=crun=/usr/bin/crun"] };
  expect(engineConfig(other)).toEqual({});
  expect(engineCommand(other).join(" ")).toMatch(
    / --add-runtime skep=\/\S+\/bin\/skep-runc --add-runtime=crun=\/usr\/bin\/crun$/,
  );
});

test("skepd is entered into all namespaces of its node", () => {
  expect(enterCommand(42, skepdCommand({ ...machine, skepd: "/opt/skep/bin/skepd" })).join(" ")).toBe(
    "nsenter --target 42 --mount --uts --net --pid -- /opt/skep/bin/skepd --data-root /m/node-1/skep" +
      " --host unix:///run/skep/docker.sock --engine /run/docker.sock --pidfile /run/skepd.pid" +
      " --config /m/node-1/etc/skepd.json",
  );
});
