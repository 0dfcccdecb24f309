import { expect, test } from "vitest";
import type { Host } from "../../host.ts";
import { defaultMachineRoot, prefixOf } from "../../machine.ts";
import { egressTable, egressTables, forwardChain, renderEgress } from "./egress.ts";

test("what nodes send further out leaves with this machine's address, what they send to each other does not", () => {
  expect(renderEgress("skep", "192.168.99.0/24").trim().split("\n")).toEqual([
    "add table ip skep_machine",
    "flush table ip skep_machine",
    "add chain ip skep_machine postrouting { type nat hook postrouting priority srcnat; }",
    'add rule ip skep_machine postrouting ip saddr 192.168.99.0/24 oifname != "skep" masquerade',
  ]);
});

test("iptables is touched only where it drops what is forwarded", () => {
  expect(forwardChain("-P INPUT ACCEPT\n-P FORWARD ACCEPT\n")).toBeUndefined();
  expect(forwardChain("-P FORWARD DROP\n")).toBe("FORWARD");
  expect(forwardChain("-P FORWARD DROP\n-N DOCKER\n-N DOCKER-USER\n")).toBe("DOCKER-USER");
});

test("the tables of all roots are known, and those of other programs not taken for ours", async () => {
  const ours = [defaultMachineRoot, "/tmp/a"].map((root) => egressTable(prefixOf(root)));
  const listing = ["nat", ...ours, "skep", "my_machine"].map((table) => `table ip ${table}\n`).join("");
  const host: Host = {
    run: async () => listing,
    start: () => ({ pid: 0, exited: Promise.resolve(0) }),
    has: () => true,
  };
  expect(await egressTables(host)).toEqual(ours);
});
