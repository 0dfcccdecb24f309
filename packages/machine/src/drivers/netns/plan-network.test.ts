import { expect, test } from "vitest";
import { type Machine, machinePaths } from "../../machine.ts";
import {
  type Command,
  type Link,
  type NetworkState,
  planBridge,
  planBridgeRemoval,
  planNode,
  planNodeRemoval,
} from "./plan-network.ts";

const root = "/var/lib/skep/machines";

const node = (name: string, index: number): Machine => ({
  ...{ name, driver: "netns", root, prefix: "skep", subnet: "192.168.99.0/24", index, address: `192.168.99.${index}` },
  ...{ nameservers: ["192.168.99.1"], engineOptions: [], createdAt: "2026-01-01T00:00:00.000Z" },
  paths: machinePaths(root, name),
});

/** A host that knows its links and namespaces only, and refuses to make what is there, as the kernel does. */
class FakeHost {
  readonly #links = new Map<string, Link>();
  readonly #namespaces = new Set<string>();
  /** What may be done again: addresses, routes and links that are up. */
  readonly settings = new Set<string>();

  get state(): NetworkState {
    return { links: this.#links, namespaces: this.#namespaces, emptyNames: new Set() };
  }

  apply(commands: readonly Command[]): string[] {
    for (const command of commands) this.#follow(command.join(" "));
    return commands.map((command) => command.join(" "));
  }

  #follow(line: string): void {
    const [, added] = /^ip link add (\S+)/.exec(line) ?? [];
    if (added !== undefined && this.#links.has(added)) throw new Error(`${line}: File exists`);
    if (added !== undefined) this.#links.set(added, { isUp: false });
    const [, set, master] = /^ip link set (\S+) (?:master (\S+) )?up/.exec(line) ?? [];
    if (set !== undefined) this.#links.set(set, { isUp: true, ...(master !== undefined && { master }) });
    const [, deleted] = /^ip link delete (\S+)/.exec(line) ?? [];
    if (deleted !== undefined) this.#links.delete(deleted);
    const [, verb, namespace] = /^ip netns (add|delete) (\S+)/.exec(line) ?? [];
    if (verb === "add") this.#namespaces.add(namespace ?? "");
    else if (verb === "delete") this.#namespaces.delete(namespace ?? "");
    if (/ replace |-n .* up$/.test(line)) this.settings.add(line);
  }
}

test("the first node brings the bridge, then itself", () => {
  const host = new FakeHost();
  expect(host.apply(planBridge("skep", "192.168.99.0/24", host.state))).toEqual([
    "ip link add skep address 02:5e:c0:a8:63:01 type bridge",
    "ip address replace 192.168.99.1/24 dev skep",
    "ip link set skep up",
  ]);
  expect(host.apply(planNode(node("node-1", 11), host.state))).toEqual([
    "ip netns add skep-node-1",
    "ip link add skep-11 type veth peer name eth0 address 02:5e:c0:a8:63:0b netns skep-node-1",
    "ip -n skep-node-1 address replace 192.168.99.11/24 dev eth0",
    "ip -n skep-node-1 link set lo up",
    "ip -n skep-node-1 link set eth0 up",
    "ip -n skep-node-1 route replace default via 192.168.99.1",
    "ip link set skep-11 master skep up",
  ]);
});

test("what is there already is planned no second time", () => {
  const host = new FakeHost();
  host.apply(planBridge("skep", "192.168.99.0/24", host.state));
  host.apply(planNode(node("node-1", 11), host.state));
  expect(planBridge("skep", "192.168.99.0/24", host.state)).toEqual([]);
  expect(planNode(node("node-1", 11), host.state)).toEqual([]);
});

test("whichever command was the last one before a kill, the next plan completes what there is", () => {
  const make = (host: FakeHost) => [
    planBridge("skep", "192.168.99.0/24", host.state),
    planNode(node("node-1", 11), host.state),
  ];
  const whole = new FakeHost();
  const commands = make(whole).flat();
  whole.apply(commands);
  for (let done = 0; done <= commands.length; done++) {
    const host = new FakeHost();
    host.apply(commands.slice(0, done));
    host.apply(make(host).flat());
    expect([host.state, host.settings], `after ${done} commands`).toEqual([whole.state, whole.settings]);
    expect(make(host).flat()).toEqual([]);
  }
});

test("a name without a namespace, and a link whose namespace is gone, are made anew", () => {
  const nothing = { links: new Map(), namespaces: new Set<string>(), emptyNames: new Set<string>() };
  const lines = (state: NetworkState) =>
    planNode(node("node-1", 11), state).map((command) => command.slice(0, 4).join(" "));
  expect(lines({ ...nothing, emptyNames: new Set(["skep-node-1"]) }).slice(0, 2)).toEqual([
    "ip netns delete skep-node-1",
    "ip netns add skep-node-1",
  ]);
  const stray = new Map([["skep-11", { isUp: true, master: "skep" }]]);
  expect(lines({ ...nothing, links: stray }).slice(0, 3)).toEqual([
    "ip link delete skep-11",
    "ip netns add skep-node-1",
    "ip link add skep-11",
  ]);
});

test("removal takes what is there, the link before its namespace", () => {
  const host = new FakeHost();
  host.apply(planBridge("skep", "192.168.99.0/24", host.state));
  host.apply(planNode(node("node-1", 11), host.state));
  const names = { namespace: "skep-node-1", link: "skep-11" };
  expect(host.apply(planNodeRemoval(names, host.state))).toEqual([
    "ip link delete skep-11",
    "ip netns delete skep-node-1",
  ]);
  expect(planNodeRemoval(names, host.state)).toEqual([]);
  expect(host.apply(planBridgeRemoval("skep", host.state))).toEqual(["ip link delete skep"]);
  expect(planBridgeRemoval("skep", host.state)).toEqual([]);
});

test("a namespace without a record of its link is removed by itself", () => {
  const links = new Map(["skep", "skep-11"].map((name) => [name, { isUp: true }]));
  const state = { links, namespaces: new Set(["skep-node-1"]), emptyNames: new Set<string>() };
  expect(planNodeRemoval({ namespace: "skep-node-1" }, state)).toEqual([["ip", "netns", "delete", "skep-node-1"]]);
});
