import type { NodeId } from "@skep/model";
import type { Leg } from "@skep/network";
import { expect, test } from "vitest";
import {
  checkConnectionTable,
  checkFirewall,
  checkLegs,
  checkManagers,
  checkNeighbours,
  checkOverlaps,
  checkSysctls,
  foreignChains,
} from "./checks.ts";

const leg = (changes: Partial<Leg>): Leg => ({
  nodeId: "n2" as NodeId,
  hostname: "node-2",
  address: "192.168.0.2",
  pathMtu: 1500,
  deviceMtu: 1500,
  tunnel: "answers",
  ...changes,
});

const lines = (findings: readonly { state: string; check: string; what: string; advice?: string }[]) =>
  findings.map(({ state, check, what, advice }) => `${state} ${check}: ${what}${advice ? ` -> ${advice}` : ""}`);

test("a way on which all is well takes two lines", () => {
  expect(lines(checkLegs([leg({})], 4789))).toEqual([
    "ok overlay: node-2 (192.168.0.2) answers through the tunnel",
    "ok MTU: 1500 bytes to node-2 (192.168.0.2)",
  ]);
});

test("names the node that a firewall hides, the port, and the way that takes less", () => {
  expect(lines(checkLegs([leg({ tunnel: "silent", pathMtu: 1400 })], 4790))).toEqual([
    "problem overlay: node-2 (192.168.0.2) does not answer through the tunnel: containers here and there do not reach each other -> let UDP port 4790 through between all nodes, in both directions, and see that skepd runs there",
    "warning MTU: 1400 bytes to node-2 (192.168.0.2), though this node's device takes 1500 -> give all devices on the way the same MTU; until then overlays send smaller packets there",
  ]);
});

test("an overlay that hides what the node has a route to is named with it", () => {
  const overlays = [
    { name: "web", subnet: "10.0.1.0/24" },
    { name: "db", subnet: "10.0.2.0/24" },
  ];
  const [clash, ...others] = checkOverlaps(overlays, ["192.168.0.0/24", "10.0.0.0/23"]);
  expect(clash?.what).toBe(
    "network web (10.0.1.0/24) overlaps 10.0.0.0/23, which this node has a route to: containers do not reach it",
  );
  expect(others).toEqual([]);
  expect(checkOverlaps(overlays, ["10.0.0.0/24", "10.0.3.0/24"]).map(({ state }) => state)).toEqual(["ok"]);
});

test("a sysctl that somebody has changed is told with its consequence", () => {
  const wishes = [{ name: "net.ipv4.ip_forward", wanted: "1", why: "nothing is forwarded" }];
  expect(lines(checkSysctls(wishes, () => "0"))).toEqual([
    "problem sysctls: net.ipv4.ip_forward is 0: nothing is forwarded -> sysctl -w net.ipv4.ip_forward=1, and look in /etc/sysctl.d for what sets it otherwise",
  ]);
  expect(checkSysctls(wishes, () => "1").map(({ state }) => state)).toEqual(["ok"]);
});

test("tables of the kernel are told before they are full", () => {
  expect(checkConnectionTable({ used: 10, limit: 100 }).state).toBe("ok");
  expect(checkConnectionTable({ used: 85, limit: 100 })).toMatchObject({
    state: "warning",
    advice: "sysctl -w net.netfilter.nf_conntrack_max=200",
  });
  expect(checkConnectionTable({ used: 100, limit: 100 }).state).toBe("problem");
  expect(checkNeighbours({ used: 900, limit: 1024 }).state).toBe("warning");
});

test("a manager that does not answer, and one whose clock differs", () => {
  expect(
    lines(
      checkManagers([
        { addr: "192.168.0.1:2377", error: "connect ECONNREFUSED" },
        { addr: "192.168.0.3:2377", skewMs: -90_000 },
      ]),
    ),
  ).toEqual([
    "problem manager: 192.168.0.1:2377 does not answer: connect ECONNREFUSED -> let TCP port 2377 through between all nodes, and see that skepd runs there",
    "ok manager: 192.168.0.3:2377 answers",
    "problem clock: 90 s behind 192.168.0.3:2377's: certificates and logs depend on it -> let both take their time from the same servers (chrony, systemd-timesyncd)",
  ]);
});

test("somebody else's chains that drop are told with the rule that lets skep through", () => {
  const listed = {
    nftables: [
      { metainfo: {} },
      { chain: { family: "inet", table: "filter", name: "input", hook: "input", policy: "drop" } },
      { chain: { family: "inet", table: "filter", name: "forward", hook: "forward", policy: "drop" } },
      { chain: { family: "inet", table: "filter", name: "output", hook: "output", policy: "drop" } },
      { chain: { family: "ip", table: "filter", name: "FORWARD", hook: "forward", policy: "drop" } },
      { chain: { family: "ip", table: "skep", name: "input", hook: "input", policy: "drop" } },
    ],
  };
  const chains = foreignChains(listed);
  expect(chains.map(({ name }) => name)).toEqual(["input", "forward"]);
  expect(lines(checkFirewall(chains, 4789, false))).toEqual([
    "warning firewall: chain inet filter input drops what comes in unless told otherwise -> nft insert rule inet filter input udp dport 4789 accept; nft insert rule inet filter input tcp dport 2377 accept",
    "warning firewall: chain inet filter forward drops what it forwards unless told otherwise: published ports and the way out need an exception -> nft insert rule inet filter forward iifname skep-up accept; nft insert rule inet filter forward oifname skep-up accept",
  ]);
  expect(checkFirewall(chains, 4789, true)[0]?.state).toBe("ok");
});
