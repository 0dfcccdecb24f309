import { rm } from "node:fs/promises";
import { type NetworkRecord, type RecordKey, recordKey, type ServiceId, type TransportProtocol } from "@skep/model";
import fc from "fast-check";
import { expect, test } from "vitest";
import type { FakeKernel } from "./test-kernel.ts";
import {
  endpoint,
  ingressNet,
  ingressOverlay,
  overlay,
  peer,
  sandbox,
  service,
  startNode,
  type TestNode,
  webNet,
} from "./test-network.ts";
import { zonesOf } from "./zones.ts";

// Random changes to what a node knows: whatever the way, the kernel holds what a node holds that has known the last
// records only, and nothing is left to repair.

const base: NetworkRecord[] = [overlay(webNet), ingressOverlay, peer(1), peer(2), peer(3)];

const state = fc.constantFrom("starting" as const, "ready" as const, "draining" as const);
const protocol = fc.constantFrom<TransportProtocol>("tcp", "udp", "sctp");

const endpointRecord = fc
  .record({ n: fc.nat(8), node: fc.integer({ min: 1, max: 3 }), state, of: fc.nat(2), both: fc.boolean() })
  .map(({ n, node, state, of, both }) =>
    endpoint(`t${n}`, node, `10.0.1.${20 + n}`, {
      state,
      name: `s${of}.1.t${n}`,
      serviceId: `s${of}` as ServiceId,
      networks: [
        { networkId: webNet, address: `10.0.1.${20 + n}/24`, aliases: [] },
        ...(both ? [{ networkId: ingressNet, address: `10.0.0.${20 + n}/24`, aliases: [] }] : []),
      ],
    }),
  );

const serviceRecord = fc
  .record({
    n: fc.nat(2),
    vip: fc.boolean(),
    port: fc.option(fc.record({ protocol, published: fc.constantFrom(80, 81) })),
  })
  .map(({ n, vip, port }) =>
    service(`s${n}`, {
      networks: [
        { networkId: webNet, ...(vip && { vip: `10.0.1.10${n}/24` }), aliases: ["all", `S${n}-Alias`] },
        { networkId: ingressNet, aliases: [] },
      ],
      ports: port ? [{ ...port, target: 80 + n }] : [],
    }),
  );

const peerRecord = fc
  .record({ n: fc.integer({ min: 2, max: 4 }), down: fc.boolean(), moved: fc.boolean() })
  .map(({ n, down, moved }) => peer(n, { down, ...(moved && { address: `192.168.0.${30 + n}` }) }));

type Step =
  | { readonly do: "put"; readonly record: NetworkRecord }
  | { readonly do: "remove"; readonly key: RecordKey }
  | { readonly do: "attach" | "detach"; readonly n: number }
  | { readonly do: "restart" };

const put = (record: fc.Arbitrary<NetworkRecord>): fc.Arbitrary<Step> =>
  record.map((each) => ({ do: "put", record: each }));
const remove: fc.Arbitrary<Step> = fc
  .oneof(
    fc.nat(8).map((n): RecordKey => `endpoint/t${n}`),
    fc.nat(2).map((n): RecordKey => `service/s${n}`),
    fc.integer({ min: 2, max: 4 }).map((n): RecordKey => `peer/node${n}`),
    fc.constantFrom<RecordKey>(`network/${webNet}`, `network/${ingressNet}`),
  )
  .map((key) => ({ do: "remove", key }));
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: put(endpointRecord) },
  { weight: 3, arbitrary: put(serviceRecord) },
  { weight: 2, arbitrary: put(peerRecord) },
  {
    weight: 1,
    arbitrary: put(fc.constantFrom<NetworkRecord>(overlay(webNet), overlay(webNet, { mtu: 1300 }), ingressOverlay)),
  },
  { weight: 4, arbitrary: remove },
  { weight: 2, arbitrary: fc.record({ do: fc.constantFrom("attach" as const, "detach" as const), n: fc.nat(2) }) },
  { weight: 1, arbitrary: fc.constant<Step>({ do: "restart" }) },
);

const box = (n: number) =>
  sandbox(70 + n, `10.0.1.${20 + n}`, {
    gateway: { taskId: sandbox(70 + n, "").interfaces[0]?.taskId ?? ("" as never) },
  });

async function carryOut(node: TestNode, step: Step): Promise<TestNode> {
  const { network } = node;
  switch (step.do) {
    case "put":
      await network.change(network.revision + 1, [step.record], []);
      return node;
    case "remove":
      await network.change(network.revision + 1, [], [step.key]);
      return node;
    case "attach":
      if (network.records.has(recordKey(overlay(webNet)))) await network.attach(box(step.n));
      return node;
    case "detach":
      await network.detach(box(step.n).containerId);
      return node;
    case "restart": {
      const { revision } = network;
      const records = [...network.records.values()];
      await network[Symbol.asyncDispose]();
      const again = await startNode([], node);
      await again.network.replaceAll(revision, records);
      return again;
    }
  }
}

const everything = (kernel: FakeKernel) =>
  [...kernel.namespaces]
    .map(([name, namespace]) => `== ${name}\n${namespace.text()}`)
    .sort()
    .join("\n");

function addProcesses(node: TestNode): TestNode {
  for (const n of [0, 1, 2]) node.kernel.addProcess(70 + n);
  return node;
}

async function end(...nodes: TestNode[]): Promise<void> {
  for (const { network, folder } of nodes) {
    await network[Symbol.asyncDispose]();
    await rm(folder, { recursive: true, force: true });
  }
}

test("whatever changes, a node comes to hold what it would hold had it known the last records only", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { minLength: 1, maxLength: 25 }),
      fc.infiniteStream(fc.nat(99)),
      async (steps, order) => {
        let node = addProcesses(await startNode(base));
        for (const each of steps) {
          node = await carryOut(node, each);
          expect(await node.network.repair()).toEqual([]);
        }
        const records = [...node.network.records.values()];
        const shuffled = records
          .map((record) => ({ record, at: order.next().value ?? 0 }))
          .sort((a, b) => a.at - b.at)
          .map(({ record }) => record);
        const fresh = addProcesses(await startNode(shuffled));
        for (const [, { pid }] of node.network.sandboxes)
          if (records.some(({ id }) => id === webNet)) await fresh.network.attach(box(pid - 70));
        if (fresh.network.sandboxes.size === node.network.sandboxes.size)
          expect(withoutEgress(everything(node.kernel))).toBe(withoutEgress(everything(fresh.kernel)));
        expect([...node.dns.zones.values()].map(plain).sort()).toEqual(zonesOf(records).map(plain).sort());
        await end(node, fresh);
      },
    ),
    { numRuns: 60 },
  );
}, 60_000);

/** Egress addresses are given out in the order asked for. */
const withoutEgress = (text: string) =>
  text
    .split("\n")
    .map((line) =>
      line
        .replace(/100\.66\.0\.\d+/g, "EGRESS")
        .replace(/(v|:)6442000\d/g, "$1EGRESS")
        .replace(/64:42:00:0\d/g, "EGRESS"),
    )
    .filter((line) => !line.startsWith(" link lo") && !line.startsWith("link lo")) // a container's stays up when it has left
    .filter(Boolean)
    .sort()
    .join("\n");

const plain = ({ networkId, name, names, reverse }: ReturnType<typeof zonesOf>[number]) =>
  JSON.stringify([networkId, name, [...names].sort(), [...reverse].sort()]);

test("no balancer has a target twice", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(put(endpointRecord), { maxLength: 20 }), async (steps) => {
      let node = await startNode([...base, service("s0"), endpoint("local", 1, "10.0.1.9")]);
      for (const each of steps) node = await carryOut(node, each);
      const targets =
        node.kernel.namespaces.get("skep-netweb000000")?.nftables.targets("ip skep", "svc_10_0_1_100") ?? [];
      expect(targets).toHaveLength(new Set(targets).size);
      await end(node);
    }),
    { numRuns: 30 },
  );
});
