import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { NetlinkRequest } from "../kernel.ts";
import { ipv4Text, macBytes, macText, parsePrefix } from "./addresses.ts";
import { encodeRequest } from "./encode.ts";
import {
  attribute,
  message,
  nested,
  parseAttributes,
  parseError,
  parseMessages,
  readText,
  text,
  u32,
} from "./message.ts";

const encode = (request: NetlinkRequest) =>
  encodeRequest(request, { linkIndex: () => 7, namespaceFd: () => 33, filterFd: () => 44 }).toString("hex");

/** Bytes as `strace ip …` shows them, the sequence number left 0. */
const hex = (...parts: string[]) => parts.join("").replaceAll(" ", "");

describe("netlink messages", () => {
  test("a neighbour is the bytes that ip sends", () => {
    expect(encode({ do: "put-neighbour", device: "vx0", address: "10.0.1.1", mac: "02:53:00:00:00:01" })).toBe(
      hex(
        "30000000 1c00 0505 00000000 00000000", // 48 bytes, RTM_NEWNEIGH, request ack replace create
        "02 000000 07000000 8000 00 00", // AF_INET, link 7, NUD_PERMANENT
        "0800 0100 0a000101",
        "0a00 0200 025300000001 0000",
      ),
    );
  });

  test("a route through a neighbour that is on no subnet says onlink", () => {
    const route = { destination: "10.0.1.14/32", via: "192.168.0.12", device: "vx0", onlink: true, table: 1002 };
    expect(encode({ do: "put-route", ...route })).toBe(
      hex(
        "3c000000 1800 0505 00000000 00000000",
        "02 20 00 00 00 04 00 01 04000000", // /32, RTPROT_STATIC, universe, unicast, RTNH_F_ONLINK
        "0800 0f00 ea030000",
        "0800 0100 0a00010e",
        "0800 0500 c0a8000c",
        "0800 0400 07000000",
      ),
    );
  });

  test("a link is deleted by its name", () => {
    expect(encode({ do: "delete-link", name: "v1" })).toBe(
      hex("28000000 1100 0500 00000000 00000000", "00000000 00000000 00000000 00000000", "0700 0300 763100 00"),
    );
  });

  test("attributes come back as they were put, whatever their length", () => {
    const entries = fc.uniqueArray(fc.tuple(fc.integer({ min: 1, max: 0x3fff }), fc.uint8Array({ maxLength: 70 })), {
      selector: ([type]) => type,
    });
    fc.assert(
      fc.property(entries, (list) => {
        const bytes = Buffer.concat(list.map(([type, payload]) => attribute(type, Buffer.from(payload))));
        expect(bytes.length % 4).toBe(0);
        const inner = parseAttributes(nested(1, bytes), 0).get(1) ?? Buffer.alloc(0);
        for (const read of [parseAttributes(bytes), parseAttributes(inner)]) {
          expect([...read].map(([type, payload]) => [type, [...payload]])).toEqual(
            list.map(([type, payload]) => [type, [...payload]]),
          );
        }
      }),
    );
  });

  test("what is cut off or is no netlink at all is read without harm", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (noise) => {
        for (const { body } of parseMessages(Buffer.from(noise))) parseAttributes(body, 12);
        parseAttributes(Buffer.from(noise));
      }),
    );
  });

  test("several messages in one datagram are told apart", () => {
    const first = message(16, 0, u32(1), attribute(3, text("eth0")));
    const both = parseMessages(Buffer.concat([first, message(3, 2, u32(0))]));
    expect(both.map(({ type }) => type)).toEqual([16, 3]);
    expect(readText(parseAttributes(both[0]?.body ?? Buffer.alloc(0), 4).get(3))).toBe("eth0");
  });

  test("the kernel's refusal has a number, and words when it knows some", () => {
    const error = (flags: number, ...content: Buffer[]) => parseMessages(message(2, flags, ...content))[0];
    const echoed = Buffer.alloc(16, 0);
    const words = attribute(1, text("Nexthop has invalid gateway"));
    const full = error(0x300, Buffer.from([0x9b, 0xff, 0xff, 0xff]), echoed, words);
    expect(full && parseError(full)).toEqual({ errno: 101, words: "Nexthop has invalid gateway" });
    const plain = error(0, Buffer.alloc(4), echoed);
    expect(plain && parseError(plain)).toEqual({ errno: 0, words: "" });
  });
});

test("addresses are read and written", () => {
  expect(macText(macBytes("02:42:0A:00:01:0a"))).toBe("02:42:0a:00:01:0a");
  expect(ipv4Text(parsePrefix("10.0.1.0/24").address)).toBe("10.0.1.0");
  expect(parsePrefix("10.0.1.5").length).toBe(32);
  expect(parsePrefix("default")).toEqual({ address: Buffer.alloc(4), length: 0 });
  for (const wrong of ["10.0.1", "10.0.1.256", "a.b.c.d", "10.0.1.0/33"])
    expect(() => parsePrefix(wrong)).toThrow(TypeError);
  expect(() => macBytes("02:42")).toThrow("not a MAC address: 02:42");
});
