import { type Node, type NodeId, silentLogger } from "@skep/model";
import { MemoryStore } from "@skep/store";
import { FakeClock } from "@skep/testkit";
import { expect, test } from "vitest";
import { ClusterEventLog } from "./cluster-event-log.ts";

const node = (id: string): Node => ({
  id: id as NodeId,
  version: 0,
  createdAt: "",
  updatedAt: "",
  spec: { Role: "worker", Availability: "active" },
  status: { state: "ready", addr: "" },
});

test("tells listeners what the store's writes mean, while it follows them", async () => {
  const clock = new FakeClock();
  const store = new MemoryStore({ clock });
  const log = new ClusterEventLog(clock, silentLogger);
  await store.update((tx) => tx.put("node", node("before")));
  const abort = new AbortController();
  const following = log.follow(store, abort.signal);
  const heard = Promise.withResolvers<string>();
  const unsubscribe = log.subscribe(({ Action, Actor }) => heard.resolve(`${Action} ${Actor.ID}`));
  await store.update((tx) => tx.put("node", node("n1")));
  expect(await heard.promise).toBe("create n1");
  unsubscribe();
  abort.abort();
  await following;
  expect(log.recent().map(({ Actor }) => Actor.ID)).toEqual(["n1"]);
});

test("remembers as many events as the engine does", () => {
  const log = new ClusterEventLog(new FakeClock(), silentLogger);
  for (let i = 0; i < 300; i++) log.publish({ changes: [{ kind: "node", id: `n${i}`, before: node(`n${i}`) }] });
  expect(log.recent()).toHaveLength(256);
  expect(log.recent().at(-1)?.Actor.ID).toBe("n299");
});
