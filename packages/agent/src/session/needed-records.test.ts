import {
  type EndpointRecord,
  isNeeded,
  type NetworkId,
  type NetworkRecord,
  type NodeId,
  type OverlayRecord,
  type RecordKey,
  recordKey,
  type ServiceId,
  type ServiceRecord,
  type TaskId,
} from "@skep/model";
import fc from "fast-check";
import { expect, test } from "vitest";
import { NeededRecords, type NetworkMessage } from "./needed-records.ts";

const self = "n1" as NodeId;

const overlay = (id: string): OverlayRecord => ({
  kind: "network",
  id: id as NetworkId,
  name: id,
  vni: 4097,
  subnets: [],
  internal: false,
  ingress: id === "ingress",
  attachable: false,
});
const endpoint = (id: string, nodeId: string, networks: readonly string[]): EndpointRecord => ({
  kind: "endpoint",
  id: id as TaskId,
  name: id,
  nodeId: nodeId as NodeId,
  state: "ready",
  networks: networks.map((networkId) => ({ networkId: networkId as NetworkId, address: "10.0.1.5/24", aliases: [] })),
  hostPorts: [],
});
const service = (id: string, networks: readonly string[]): ServiceRecord => ({
  kind: "service",
  id: id as ServiceId,
  name: id,
  mode: "vip",
  networks: networks.map((networkId) => ({ networkId: networkId as NetworkId, aliases: [] })),
  ports: [],
});

const message = (put: readonly NetworkRecord[], remove: readonly RecordKey[] = [], full = false): NetworkMessage => ({
  type: "network",
  revision: 1,
  full,
  put,
  remove,
});
const show = ({ put, remove }: NetworkMessage) => [...put.map(recordKey), ...remove.map((key) => `-${key}`)].join(" ");

test("with the last endpoint of the node on a network goes all that is on that network", () => {
  const needed = new NeededRecords(self);
  const net = [
    overlay("net"),
    endpoint("mine", "n1", ["net"]),
    endpoint("other", "n2", ["net"]),
    service("web", ["net"]),
  ];
  expect(show(needed.take(message(net, [], true)))).toBe("network/net endpoint/mine endpoint/other service/web");
  expect(show(needed.take(message([], ["endpoint/mine"])))).toBe("-endpoint/mine -endpoint/other -service/web");
});

test("what is also on another network of the node stays, and so does all when another of its endpoints is there", () => {
  const needed = new NeededRecords(self);
  needed.take(
    message([endpoint("a", "n1", ["net"]), endpoint("b", "n1", ["db"]), service("web", ["net", "db"])], [], true),
  );
  expect(show(needed.take(message([], ["endpoint/a"])))).toBe("-endpoint/a");
  expect(show(needed.take(message([endpoint("c", "n1", ["db"])], ["endpoint/b"])))).toBe("endpoint/c -endpoint/b");
});

test("what is not needed yet is not taken over; what is on the ingress network always is", () => {
  const needed = new NeededRecords(self);
  expect(show(needed.take(message([endpoint("other", "n2", ["net"])])))).toBe("");
  expect(show(needed.take(message([overlay("ingress"), endpoint("other", "n2", ["ingress"])])))).toBe(
    "network/ingress endpoint/other",
  );
});

const someRecord = fc.oneof(
  fc.constantFrom("ingress", "net", "db").map(overlay),
  fc
    .tuple(fc.constantFrom("t1", "t2", "t3", "t4"), fc.constantFrom("n1", "n2"), fc.subarray(["ingress", "net", "db"]))
    .map((parts) => endpoint(...parts)),
  fc.tuple(fc.constantFrom("s1", "s2"), fc.subarray(["ingress", "net", "db"])).map((parts) => service(...parts)),
);

test("after every message the node has exactly what it needs of what it was told", () => {
  const someMessage = fc.record({
    put: fc.uniqueArray(someRecord, { maxLength: 5, selector: recordKey }),
    remove: fc.uniqueArray(someRecord.map(recordKey), { maxLength: 2 }),
    full: fc.integer({ min: 0, max: 9 }).map((chance) => chance === 0),
  });
  fc.assert(
    fc.property(fc.array(someMessage, { maxLength: 30 }), (messages) => {
      const needed = new NeededRecords(self);
      const given = new Map<RecordKey, NetworkRecord>();
      const wanted = new Map<RecordKey, NetworkRecord>();
      for (const { put, remove, full } of messages) {
        const apart = remove.filter((key) => !full && !put.some((record) => recordKey(record) === key));
        const sent = message(put, apart, full);
        apply(wanted, sent);
        const networks = networksOf(wanted.values());
        for (const [key, record] of wanted) if (!isNeeded(record, self, networks)) wanted.delete(key);
        apply(given, needed.take(sent));
        expect(new Map([...given].sort())).toEqual(new Map([...wanted].sort()));
      }
    }),
  );
});

function apply(records: Map<RecordKey, NetworkRecord>, { put, remove, full }: NetworkMessage): void {
  if (full) records.clear();
  for (const key of remove) records.delete(key);
  for (const record of put) records.set(recordKey(record), record);
}

const networksOf = (records: Iterable<NetworkRecord>) =>
  new Set(
    [...records].flatMap((record) => {
      if (record.kind === "network") return record.ingress ? [record.id] : [];
      return record.kind === "endpoint" && record.nodeId === self
        ? record.networks.map(({ networkId }) => networkId)
        : [];
    }),
  );
