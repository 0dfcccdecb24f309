import type { NodeId, PeerRecord } from "@skep/model";
import { expect, test } from "vitest";
import { type LegProber, probeLegs } from "./leg.ts";
import { probeAddress } from "./probe-address.ts";

const peer = (index: number): PeerRecord => ({
  kind: "peer",
  id: `n${index}` as NodeId,
  hostname: `node-${index}`,
  address: `192.168.0.${index}`,
  index,
  down: false,
});

test("tells of each way what gets through", async () => {
  const prober: LegProber = {
    underlay: async (address, most) => (address.endsWith(".3") ? undefined : address.endsWith(".2") ? 1400 : most),
    tunnel: async ({ index }) => (index === 3 ? false : undefined),
  };
  const legs = await probeLegs([peer(3), peer(1), peer(2)], 1500, prober);
  expect(legs.map(({ hostname, pathMtu, tunnel }) => `${hostname} ${pathMtu} ${tunnel}`)).toEqual([
    "node-1 1500 undefined",
    "node-2 1400 undefined",
    "node-3 undefined silent",
  ]);
});

test("asks some nodes at a time", async () => {
  let [running, most] = [0, 0];
  const slow = async () => {
    most = Math.max(most, ++running);
    await Promise.resolve();
    running--;
    return 1500;
  };
  await probeLegs(
    Array.from({ length: 50 }, (_, i) => peer(i + 1)),
    1500,
    { underlay: slow, tunnel: async () => true },
    4,
  );
  expect(most).toBe(4);
});

test("gateway routers' addresses follow from their nodes' indices, as far as there is room", () => {
  expect([1, 255, 256, 32_766].map(probeAddress)).toEqual([
    "169.254.128.1",
    "169.254.128.255",
    "169.254.129.0",
    "169.254.255.254",
  ]);
  expect([0, 32_767, 65_535].map(probeAddress)).toEqual([undefined, undefined, undefined]);
});
