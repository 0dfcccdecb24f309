import { settle } from "@skep/testkit";
import { expect, test } from "vitest";
import { Turns } from "./turns.ts";

/** Turns that a test ends one by one. */
function manualTurns() {
  const begun: { wish: string; end: PromiseWithResolvers<string> }[] = [];
  const carryOut = (wish: string) => {
    const end = Promise.withResolvers<string>();
    begun.push({ wish, end });
    return end.promise;
  };
  return { begun, turns: new Turns(carryOut, (earlier, later) => `${earlier}+${later}`) };
}

test("wishes of the same breath are one turn, and all learn of its outcome", async () => {
  const { begun, turns } = manualTurns();
  const outcomes = Promise.all([turns.wish("a"), turns.wish("b")]);
  await settle();
  expect(begun.map(({ wish }) => wish)).toEqual(["a+b"]);
  begun[0]?.end.resolve("done");
  expect(await outcomes).toEqual(["done", "done"]);
});

test("wishes that come during a turn are the next one", async () => {
  const { begun, turns } = manualTurns();
  const first = turns.wish("a");
  await settle();
  const later = Promise.all([turns.wish("b"), turns.wish("c")]);
  await settle();
  expect(begun).toHaveLength(1);
  begun[0]?.end.resolve("one");
  expect(await first).toBe("one");
  await settle();
  begun[1]?.end.resolve("two");
  expect(await later).toEqual(["two", "two"]);
  expect(begun.map(({ wish }) => wish)).toEqual(["a", "b+c"]);
});

test("a turn that fails does not keep the next one from happening", async () => {
  const { begun, turns } = manualTurns();
  const first = turns.wish("a");
  await settle();
  const second = turns.wish("b");
  begun[0]?.end.reject(new Error("no"));
  await expect(first).rejects.toThrow("no");
  await settle();
  begun[1]?.end.resolve("two");
  expect(await second).toBe("two");
  await turns.idle();
});
