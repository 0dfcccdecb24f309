import { type Answer as DnsRecord, decode, encode, type Packet } from "dns-packet";
import { expect, test } from "vitest";
import { answer, type ClientView } from "./answer.ts";
import type { Zone } from "./dns-server.ts";

const first = () => 0;

const zone = (name: string, names: Record<string, string[]>, reverse: Record<string, string> = {}): Zone => ({
  networkId: `id-${name}`,
  name,
  names: new Map(
    Object.entries(names).map(([key, addresses]) => [
      key,
      { addresses, ttlSeconds: key.startsWith("tasks.") ? 5 : 600 },
    ]),
  ),
  reverse: new Map(Object.entries(reverse)),
});

const front = zone(
  "front",
  { web: ["10.0.1.2"], "tasks.web": ["10.0.1.5", "10.0.1.6", "10.0.1.7"], "web.1.abc": ["10.0.1.5"], gone: [] },
  { "10.0.1.2": "web", "10.0.1.5": "web.1.abc" },
);
const back = zone("Back-End", { web: ["10.0.2.2"], db: ["10.0.2.9"] });
const view: ClientView = { zones: [front, back] };

const question = (name: string, type: string, more: object = {}) =>
  encode({ type: "query", id: 4711, flags: 0x100, questions: [{ name, type, class: "IN" }], ...more } as Packet);

const edns = (udpPayloadSize: number) => ({
  additionals: [{ type: "OPT", name: ".", udpPayloadSize, flags: 0, options: [] }],
});

function ask(name: string, type = "A", { of = view, more = {}, pick = first, by = "udp" as "udp" | "tcp" } = {}) {
  const what = answer(question(name, type, more), of, by, pick);
  return what.do === "reply" ? decode(what.packet) : what.do;
}

/** `NOERROR 10.0.1.2/600`, or what happened instead. */
function say(reply: ReturnType<typeof ask>): string {
  if (typeof reply === "string") return reply;
  const code = (reply as { rcode?: string }).rcode;
  const data = (reply.answers ?? []).map(
    (record: DnsRecord) => `${(record as { data: string }).data}/${(record as { ttl: number }).ttl}`,
  );
  return [code, ...data].join(" ");
}

test("a name is looked up on the client's networks in their order, with its own time to live", () => {
  expect(say(ask("web"))).toBe("NOERROR 10.0.1.2/600");
  expect(say(ask("web", "A", { of: { zones: [back, front] } }))).toBe("NOERROR 10.0.2.2/600");
  expect(say(ask("db"))).toBe("NOERROR 10.0.2.9/600");
  expect(say(ask("db", "A", { of: { zones: [front] } }))).toBe("forward");
});

test("a name with a network is looked up on that network only", () => {
  expect(say(ask("web.back-end"))).toBe("NOERROR 10.0.2.2/600");
  expect(say(ask("web.1.abc.front"))).toBe("NOERROR 10.0.1.5/600");
  expect(say(ask("db.front"))).toBe("forward");
  expect(say(ask("web.other"))).toBe("forward");
  expect(say(ask(".front".slice(1)))).toBe("forward");
});

test("addresses of several tasks come in an order that chance rotates", () => {
  expect(say(ask("tasks.web"))).toBe("NOERROR 10.0.1.5/5 10.0.1.6/5 10.0.1.7/5");
  expect(say(ask("tasks.web", "A", { pick: () => 2 }))).toBe("NOERROR 10.0.1.7/5 10.0.1.5/5 10.0.1.6/5");
});

test("capitals do not matter, and the answer repeats them", () => {
  const reply = ask("wEb.FrOnT");
  expect(say(reply)).toBe("NOERROR 10.0.1.2/600");
  expect(typeof reply === "object" && reply.questions?.[0]?.name).toBe("wEb.FrOnT");
  expect(typeof reply === "object" && reply.answers?.[0]?.name).toBe("wEb.FrOnT");
});

test("a known name has no data of other types, and is never denied", () => {
  for (const type of ["AAAA", "MX", "TXT", "SRV", "HINFO"]) {
    const reply = ask("web", type);
    expect(say(reply)).toBe("NOERROR");
    expect(typeof reply === "object" && reply.authorities?.[0]).toMatchObject({ type: "SOA", ttl: 600 });
  }
  expect(say(ask("gone"))).toBe("NOERROR");
  expect(say(ask("5.1.0.10.in-addr.arpa", "A"))).toBe("NOERROR");
});

test("a question for anything gets the addresses", () => {
  expect(say(ask("web", "ANY"))).toBe("NOERROR 10.0.1.2/600");
});

test("an address of the client's networks has the canonical name, on its network", () => {
  expect(say(ask("5.1.0.10.in-addr.arpa", "PTR"))).toBe("NOERROR web.1.abc.front/600");
  expect(say(ask("2.1.0.10.IN-ADDR.ARPA", "PTR"))).toBe("NOERROR web.front/600");
  expect(say(ask("9.1.0.10.in-addr.arpa", "PTR"))).toBe("forward");
  expect(say(ask("1.0.10.in-addr.arpa", "PTR"))).toBe("forward");
});

test("unknown names are forwarded, bare ones too unless ndots was set", () => {
  expect(say(ask("example.com"))).toBe("forward");
  expect(say(ask("unknown"))).toBe("forward");
  expect(say(ask("unknown", "A", { of: { ...view, ndots: 1 } }))).toBe("NOERROR");
  expect(say(ask("unknown", "TXT", { of: { ...view, ndots: 1 } }))).toBe("forward");
  expect(say(ask("example.com", "A", { of: { ...view, ndots: 1 } }))).toBe("forward");
});

test("EDNS is answered with our own size; a version we do not know with BADVERS", () => {
  const reply = ask("web", "A", { more: edns(4096) });
  expect(typeof reply === "object" && reply.additionals?.[0]).toMatchObject({ type: "OPT", udpPayloadSize: 1232 });
  const packet = question("web", "A", edns(4096));
  packet[packet.length - 5] = 1;
  const what = answer(packet, view, "udp", first);
  expect(what.do === "reply" && decode(what.packet).additionals?.[0]).toMatchObject({ extendedRcode: 1 });
});

test("what does not fit is left out and said to be truncated, by TCP all is there", () => {
  const many = zone("many", { "tasks.web": Array.from({ length: 200 }, (_, i) => `10.0.3.${i}`) });
  const count = (more: object, by: "udp" | "tcp") => {
    const what = answer(question("tasks.web", "A", more), { zones: [many] }, by, first);
    if (what.do !== "reply") throw new Error("no reply");
    const reply = decode(what.packet) as Packet & { flag_tc: boolean };
    return { bytes: what.packet.length, truncated: reply.flag_tc, answers: reply.answers?.length };
  };
  expect(count({}, "udp")).toEqual({ bytes: 507, truncated: true, answers: 30 });
  expect(count(edns(1232), "udp")).toEqual({ bytes: 1222, truncated: true, answers: 74 });
  expect(count(edns(65_535), "udp")).toMatchObject({ truncated: false, answers: 200 });
  expect(count(edns(100), "udp")).toMatchObject({ truncated: true, answers: 29 });
  expect(count({}, "tcp")).toMatchObject({ truncated: false, answers: 200 });
});

test("responses and scraps are dropped, other malformed packets refused with their id", () => {
  const packet = question("web", "A");
  const response = Buffer.from(packet);
  response.writeUInt8(response.readUInt8(2) | 0x80, 2);
  expect(answer(response, view, "udp", first)).toEqual({ do: "drop" });
  expect(answer(packet.subarray(0, 11), view, "udp", first)).toEqual({ do: "drop" });
  const refusal = (bytes: Buffer) => {
    const what = answer(bytes, view, "udp", first);
    const reply = what.do === "reply" ? (decode(what.packet) as { id?: number; rcode?: string }) : undefined;
    return `${reply?.id} ${reply?.rcode}`;
  };
  expect(refusal(packet.subarray(0, 14))).toBe("4711 FORMERR");
  expect(refusal(packet.subarray(0, 12))).toBe("4711 FORMERR");
  const pointer = Buffer.from(packet);
  pointer.writeUInt16BE(0xc00c, 12);
  expect(refusal(pointer)).toBe("4711 FORMERR");
  const update = Buffer.from(packet);
  update.writeUInt8(5 << 3, 2);
  expect(refusal(update)).toBe("4711 NOTIMP");
  const two = question("web", "A");
  two.writeUInt16BE(2, 4);
  expect(refusal(two)).toBe("4711 FORMERR");
});

test("a label with a dot in it is not taken for two labels", () => {
  const packet = question("web-front", "A");
  packet[16] = 0x2e;
  expect(answer(packet, view, "udp", first)).toMatchObject({ do: "forward" });
});
