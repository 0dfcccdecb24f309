import { decode, encode, type Packet } from "dns-packet";
import fc from "fast-check";
import { expect, test } from "vitest";
import { answer, type ClientView } from "./answer.ts";

const view: ClientView = {
  zones: [
    {
      networkId: "n",
      name: "net",
      names: new Map([
        ["web", { addresses: ["10.0.1.2"], ttlSeconds: 600 }],
        ["tasks.web", { addresses: Array.from({ length: 300 }, (_, i) => `10.0.1.${i % 256}`), ttlSeconds: 5 }],
      ]),
      reverse: new Map([["10.0.1.2", "web"]]),
    },
  ],
};

/** No answer is longer than the client can take, whatever it sent; and each is a packet that others can read. */
function isProper(packet: Buffer, transport: "udp" | "tcp"): void {
  const what = answer(packet, view, transport, (count) => count - 1);
  if (what.do !== "reply") return;
  const reply = decode(what.packet) as Packet;
  expect(reply.type).toBe("response");
  expect(reply.id).toBe(packet.readUInt16BE(0));
  if (transport === "tcp") return;
  const offered = (reply.additionals ?? []).some(({ type }) => type === "OPT") ? 65_535 : 512;
  expect(what.packet.length).toBeLessThanOrEqual(offered);
}

test("any bytes are answered properly or not at all", () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 600 }),
      fc.constantFrom("udp" as const, "tcp" as const),
      (bytes, transport) => isProper(Buffer.from(bytes), transport),
    ),
    { numRuns: 3000 },
  );
});

const plausible = fc
  .record({
    name: fc.constantFrom("web", "tasks.web", "TASKS.web.net", "2.1.0.10.in-addr.arpa", "example.com", "."),
    type: fc.constantFrom("A", "AAAA", "PTR", "ANY", "TXT", "OPT"),
    udpPayloadSize: fc.option(fc.integer({ min: 1, max: 65_535 }), { nil: undefined }),
    id: fc.integer({ min: 0, max: 65_535 }),
  })
  .map(({ name, type, udpPayloadSize, id }) =>
    encode({
      type: "query",
      id,
      questions: [{ name, type, class: "IN" }],
      additionals: udpPayloadSize ? [{ type: "OPT", name: ".", udpPayloadSize, flags: 0, options: [] }] : [],
    } as unknown as Packet),
  );

test("damaged questions are answered properly or not at all", () => {
  const damage = fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), { maxLength: 4 });
  fc.assert(
    fc.property(plausible, damage, fc.option(fc.nat(), { nil: undefined }), (packet, changes, cut) => {
      for (const [at, byte] of changes) packet[at % packet.length] = byte;
      isProper(cut === undefined ? packet : packet.subarray(0, cut % (packet.length + 1)), "udp");
    }),
    { numRuns: 5000 },
  );
});

test("by UDP an answer stays within 512 bytes and what the client offered", () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 8192 }), (udpPayloadSize) => {
      const packet = encode({
        type: "query",
        questions: [{ name: "tasks.web", type: "A" }],
        additionals: [{ type: "OPT", name: ".", udpPayloadSize: udpPayloadSize || 1, flags: 0, options: [] }],
      } as unknown as Packet);
      const what = answer(packet, view, "udp", () => 0);
      expect(what.do === "reply" && what.packet.length).toBeLessThanOrEqual(Math.max(512, udpPayloadSize));
    }),
  );
});
