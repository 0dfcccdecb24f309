import { expect, test } from "vitest";
import { type Machine, machinePaths } from "../../machine.ts";
import {
  type Command,
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

/** A host that knows only its links and namespaces, and answers plans with what they look like as typed. */
class FakeHost {
  readonly #links = new Set<string>();
  readonly #namespaces = new Set<string>();

  get state(): NetworkState {
    return { links: this.#links, namespaces: this.#namespaces };
  }

  apply(commands: readonly Command[]): string[] {
    for (const command of commands) this.#follow(command.join(" "));
    return commands.map((command) => command.join(" "));
  }

  #follow(line: string): void {
    const [, added] = /^ip link add (\S+)/.exec(line) ?? [];
    if (added !== undefined) this.#links.add(added);
    const [, deleted] = /^ip link delete (\S+)/.exec(line) ?? [];
    if (deleted !== undefined) this.#links.delete(deleted);
    const [, verb, namespace] = /^ip netns (add|delete) (\S+)/.exec(line) ?? [];
    if (namespace === undefined) return;
    if (verb === "add") this.#namespaces.add(namespace);
    else this.#namespaces.delete(namespace);
  }
}

test("the first node brings the bridge, then itself", () => {
  const host = new FakeHost();
  expect(host.apply(planBridge("skep", "192.168.99.0/24", host.state))).toEqual([
    "ip link add skep address 02:5e:c0:a8:63:01 type bridge",
    "ip address add 192.168.99.1/24 dev skep",
    "ip link set skep up",
  ]);
  expect(host.apply(planNode(node("node-1", 11), host.state))).toEqual([
    "ip netns add skep-node-1",
    "ip link add skep-11 type veth peer name eth0 address 02:5e:c0:a8:63:0b netns skep-node-1",
    "ip link set skep-11 master skep up",
    "ip -n skep-node-1 address add 192.168.99.11/24 dev eth0",
    "ip -n skep-node-1 link set lo up",
    "ip -n skep-node-1 link set eth0 up",
    "ip -n skep-node-1 route add default via 192.168.99.1",
  ]);
});

test("what is there already is planned no second time", () => {
  const host = new FakeHost();
  host.apply(planBridge("skep", "192.168.99.0/24", host.state));
  host.apply(planNode(node("node-1", 11), host.state));
  expect(planBridge("skep", "192.168.99.0/24", host.state)).toEqual([]);
  expect(planNode(node("node-1", 11), host.state)).toEqual([]);
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
  const state = { links: new Set(["skep", "skep-11"]), namespaces: new Set(["skep-node-1"]) };
  expect(planNodeRemoval({ namespace: "skep-node-1" }, state)).toEqual([["ip", "netns", "delete", "skep-node-1"]]);
});
