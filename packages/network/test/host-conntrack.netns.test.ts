import { describe, expect, test } from "vitest";
import type { Namespace } from "../src/host/index.ts";
import { inside, isRoot, Scene } from "./host-scene.ts";

const count = async (namespace: Namespace) => Number((await inside(namespace, "conntrack", "-C")).trim());

/** A namespace that tracks connections, and sends DNS to the VIP 10.0.1.100 on to 10.0.1.14. */
async function tracking(scene: Scene): Promise<Namespace> {
  const namespace = await scene.namespace("t");
  await namespace.netlink([
    { do: "set-link", name: "lo", up: true },
    ...["10.0.1.10/32", "10.0.1.14/32", "10.0.1.15/32", "10.0.1.100/32"].map(
      (address) => ({ do: "add-address", device: "lo", address }) as const,
    ),
  ]);
  await namespace.nft(`table ip skep {
    chain out { type nat hook output priority -100; ip daddr 10.0.1.100 udp dport 53 dnat to 10.0.1.14:5353; }
  }`);
  return namespace;
}

/** Sends a datagram from each of `ports`. */
const send = (namespace: Namespace, to: string, port: number, from: number, many: number) =>
  inside(
    namespace,
    process.execPath,
    "-e",
    `const { createSocket } = require("dgram");
    (async () => {
      for (let i = 0; i < ${many}; i++) await new Promise((done) => {
        const socket = createSocket("udp4").bind(${from} + i, "10.0.1.10", () =>
          socket.send("x", ${port}, "${to}", () => socket.close(done)));
      });
    })();`,
  );

describe.skipIf(!isRoot)("connection tracking (needs root)", () => {
  test("entries are forgotten by either direction, and only those", async () => {
    await using scene = new Scene();
    const namespace = await tracking(scene);
    await send(namespace, "10.0.1.100", 53, 20_000, 3);
    await send(namespace, "10.0.1.15", 53, 21_000, 2);
    expect(await count(namespace)).toBe(5);
    expect(await namespace.forgetConnections({ protocol: "tcp", replySource: "10.0.1.14" })).toBe(0);
    expect(await namespace.forgetConnections({ replySource: "10.0.1.14", replySourcePort: 53 })).toBe(0);
    const moved = {
      protocol: "udp",
      originalDestination: "10.0.1.100",
      originalDestinationPort: 53,
      replySource: "10.0.1.14",
      replySourcePort: 5353,
    } as const;
    expect(await namespace.forgetConnections(moved)).toBe(3);
    expect(await namespace.forgetConnections(moved)).toBe(0);
    expect(await namespace.forgetConnections({ originalSource: "10.0.1.10" })).toBe(2);
    expect(await count(namespace)).toBe(0);
  });

  test("ten thousand entries are looked through without keeping the event loop", async () => {
    await using scene = new Scene();
    const namespace = await tracking(scene);
    await send(namespace, "10.0.1.15", 53, 20_000, 10_000);
    const total = await count(namespace);
    expect(total).toBeGreaterThan(9000);
    let worst = 0;
    let last = performance.now();
    const timer = setInterval(() => {
      worst = Math.max(worst, performance.now() - last);
      last = performance.now();
    }, 1);
    expect(await namespace.forgetConnections({ replySource: "10.0.1.99" })).toBe(0);
    expect(await namespace.forgetConnections({ replySource: "10.0.1.15" })).toBe(total);
    clearInterval(timer);
    expect(worst).toBeLessThan(150);
    expect(await count(namespace)).toBe(0);
  });
});
