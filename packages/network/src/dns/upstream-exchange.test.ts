import { encode, type Packet } from "dns-packet";
import fc from "fast-check";
import { expect, test } from "vitest";
import { forClient } from "./forwarder.ts";
import { parseQuery, type Query } from "./query.ts";
import { isAnswer } from "./upstream-exchange.ts";

const request = encode({ type: "query", id: 7, questions: [{ name: "Example.com", type: "A" }] } as Packet);
const parsed = parseQuery(Buffer.from(request));
if (parsed.is !== "query") throw new Error("no query");
const query: Query = parsed.query;

const reply = (more: object = {}) =>
  encode({
    type: "response",
    id: 7,
    questions: [{ name: "example.com", type: "A" }],
    answers: [{ type: "A", name: "example.com", ttl: 60, data: "192.0.2.1" }],
    ...more,
  } as Packet);

const isTaken = (packet: Buffer) => isAnswer(packet, request, query.questionEnd);

test("an answer has the id and the question of the request, capitals aside", () => {
  expect(isTaken(reply())).toBe(true);
  expect(isTaken(reply({ id: 8 }))).toBe(false);
  expect(isTaken(reply({ type: "query" }))).toBe(false);
  expect(isTaken(reply({ questions: [{ name: "example.org", type: "A" }] }))).toBe(false);
  expect(isTaken(reply({ questions: [{ name: "example.com", type: "AAAA" }] }))).toBe(false);
  expect(isTaken(reply({ questions: [{ name: "example.com.", type: "A" }] }).subarray(0, 20))).toBe(false);
});

test("only a refusal may leave the question out", () => {
  expect(isTaken(reply({ questions: [], answers: [] }))).toBe(false);
  expect(isTaken(reply({ questions: [], answers: [], flags: 5 }))).toBe(true);
});

test("the client gets its own id and capitals back", () => {
  const client: Query = { ...query, packet: Buffer.from(request) };
  client.packet.writeUInt16BE(99, 0);
  const packet = forClient(reply(), client, "udp");
  expect(packet.readUInt16BE(0)).toBe(99);
  expect(packet.subarray(12, query.questionEnd)).toEqual(client.packet.subarray(12, query.questionEnd));
});

test("whatever a server sends is taken or not, and never makes more than the client can take", () => {
  const damage = fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), { maxLength: 5 });
  fc.assert(
    fc.property(damage, fc.nat({ max: 60 }), fc.nat({ max: 1000 }), (changes, cut, more) => {
      const packet = Buffer.concat([
        reply().subarray(0, reply().length - Math.min(cut, reply().length)),
        Buffer.alloc(more),
      ]);
      for (const [at, byte] of changes) packet[at % Math.max(1, packet.length)] = byte;
      if (!isTaken(packet)) return;
      expect(forClient(packet, query, "udp").length).toBeLessThanOrEqual(512);
    }),
    { numRuns: 3000 },
  );
});
