import { spawn } from "node:child_process";
import { once } from "node:events";
import { expect, test } from "vitest";
import { findProcesses, isAlive, parseStat, processRecord } from "./processes.ts";

const statLine = (comm: string, state: string, startTicks: string) =>
  `42 (${comm}) ${state} 1 42 42 0 -1 4194560 79 0 0 0 0 0 0 0 20 0 1 0 ${startTicks} 2654208 385`;

test("the start is read behind a command's name, whatever is in that name", () => {
  expect(parseStat(statLine("sleep", "S", "137823"))).toEqual({ pid: 42, startTicks: "137823" });
  expect(parseStat(statLine("a) R 1 (b", "S", "137823"))).toEqual({ pid: 42, startTicks: "137823" });
});

test("a process that only waits to be reaped counts as ended", () => {
  expect(parseStat(statLine("sleep", "Z", "137823"))).toBeUndefined();
});

test.each(["", "42", "x (y) S"])("%j is no record", (line) => {
  expect(parseStat(line)).toBeUndefined();
});

test("a process given the same number later is not the recorded one", () => {
  const self = processRecord(process.pid);
  expect(self && isAlive(self)).toBe(true);
  expect(isAlive({ pid: process.pid, startTicks: "1" })).toBe(false);
});

test("processes are found by the mark in their environment, and by nothing like it", async () => {
  const start = (mark: string) => spawn("sleep", ["60"], { env: { ...process.env, SKEP_TEST_MARK: mark } });
  const children = [start("/m/node-1"), start("/m/node-10"), start("/m/node-1/x")];
  try {
    await Promise.all(children.map((child) => once(child, "spawn")));
    const found = findProcesses({ marker: "\0SKEP_TEST_MARK=/m/node-1", namespaces: new Set() });
    expect(found.map(({ pid }) => pid)).toEqual([children[0]?.pid]);
  } finally {
    for (const child of children) child.kill("SIGKILL");
  }
});
