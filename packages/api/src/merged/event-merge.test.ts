import { FakeClock } from "@skep/testkit";
import { expect, test } from "vitest";
import type { ClusterEvent } from "../cluster-event.ts";
import { EventMerge } from "./event-merge.ts";

const cluster = (timeNano: number): ClusterEvent => ({
  Type: "service",
  Action: "update",
  Actor: { ID: `c${timeNano}`, Attributes: {} },
  scope: "swarm",
  time: 0,
  timeNano,
});
const local = (timeNano: number) => `{"Type":"container","id":"l${timeNano}","timeNano":${timeNano}}\n`;

function merging(past: ClusterEvent[] = [], write?: (chunk: string) => Promise<void>) {
  const clock = new FakeClock();
  let text = "";
  const merge = new EventMerge(
    async (chunk) => {
      await write?.(String(chunk));
      text += String(chunk);
    },
    clock,
    past,
  );
  /** The order of what was written. */
  const written = () => [...text.matchAll(/[lc]\d+(?=")/g)].map(([id]) => id);
  return { merge, clock, written, text: () => text };
}

test("puts cluster events between the engine's lines, never into one", async () => {
  const { merge, written, text } = merging();
  await merge.pass(Buffer.from(local(1) + local(2).slice(0, 10)));
  merge.add(cluster(3));
  await merge.pass(Buffer.from(local(2).slice(10)));
  await merge.end();
  expect(written()).toEqual(["l1", "c3", "l2"]);
  for (const line of text().trim().split("\n")) JSON.parse(line);
});

test("puts past events where they belong by their time", async () => {
  const { merge, written } = merging([cluster(1), cluster(3), cluster(5)]);
  await merge.pass(Buffer.from(local(2) + local(4)));
  merge.add(cluster(6));
  await merge.end();
  expect(written()).toEqual(["c1", "l2", "c3", "l4", "c5", "c6"]);
});

test("does not wait for an engine that has no past", async () => {
  const { merge, clock, written } = merging([cluster(1)]);
  expect(written()).toEqual([]);
  clock.advance(100);
  await merge.pass(Buffer.from(local(0)));
  expect(written()).toEqual(["c1", "l0"]);
});

test("waits for a slow client with the engine's events, and gives up on it with its own", async () => {
  const { merge } = merging([], () => new Promise(() => {}));
  const passed = merge.pass(Buffer.from(local(1))).then(() => "passed");
  expect(await Promise.race([passed, Promise.resolve("waiting")])).toBe("waiting");
  const kept = Array.from({ length: 20_000 }, (_, i) => merge.add(cluster(i))).filter(Boolean);
  expect(kept.length).toBeLessThan(20_000);
});

test("tells whoever passes the engine's stream that the client is gone", async () => {
  const { merge } = merging([], () => Promise.reject(new Error("gone")));
  merge.add(cluster(1));
  await expect(merge.pass(Buffer.from(local(2)))).rejects.toThrow("gone");
});
