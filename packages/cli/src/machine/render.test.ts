import type { Machine } from "@skep/machine";
import { expect, test } from "vitest";
import { renderEnv } from "./access-commands.ts";
import { engineAddress } from "./load-command.ts";
import { renderMachines } from "./view-commands.ts";

const machine = (name: string, home = `/m/${name}`) =>
  ({
    ...{ name, driver: "netns", address: "192.168.99.11", skepd: "/opt/skep/bin/skepd" },
    paths: { skepSocket: `${home}/run/skep/docker.sock`, engineSocket: `${home}/run/docker.sock` },
  }) as Machine;

test("ls shows where each node is reached, and its part in the swarm", () => {
  const table = renderMachines([
    { name: "node-1", state: "running", machine: machine("node-1"), role: "manager" },
    { name: "node-2", state: "stopped", machine: machine("node-2") },
    { name: "node-3", state: "incomplete" },
  ]);
  expect(table.trimEnd().split("\n")).toEqual([
    "NAME     DRIVER   STATE        ADDRESS         DOCKER HOST                             SWARM",
    "node-1   netns    running      192.168.99.11   unix:///m/node-1/run/skep/docker.sock   manager",
    "node-2   netns    stopped      192.168.99.11   unix:///m/node-2/run/skep/docker.sock",
    "node-3            incomplete",
  ]);
});

test("env is shell text, its path quoted when it needs to be", () => {
  expect(renderEnv(machine("node-1")).split("\n").slice(0, 3)).toEqual([
    "export DOCKER_HOST=unix:///m/node-1/run/skep/docker.sock",
    "export SKEP_MACHINE_NAME=node-1",
    "unset DOCKER_TLS_VERIFY DOCKER_CERT_PATH",
  ]);
  expect(renderEnv(machine("node-1", "/m y'$x/n")).split("\n")[0]).toBe(
    "export DOCKER_HOST='unix:///m y'\\''$x/n/run/skep/docker.sock'",
  );
});

test("images are read from where DOCKER_HOST points", () => {
  expect(engineAddress(undefined)).toBe("/var/run/docker.sock");
  expect(engineAddress("unix:///a/b.sock")).toBe("/a/b.sock");
  expect(engineAddress("tcp://10.0.0.1:2375")).toBe("10.0.0.1:2375");
  expect(() => engineAddress("ssh://me@there")).toThrow("name a node with --from");
});
