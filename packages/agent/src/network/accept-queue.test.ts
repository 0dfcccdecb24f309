import { FakeClock } from "@skep/testkit";
import { expect, test } from "vitest";
import { hasUnaccepted, untilAccepted } from "./accept-queue.ts";

const header = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode";
const row = (state: string, waiting: string) =>
  `   0: 00000000:0050 00000000:0000 ${state} 00000000:${waiting} 00:00000000 00000000     0        0 4242 1 0 100 0 0 10 0`;
const table = (...rows: readonly string[]) => [header, ...rows, ""].join("\n");

test("a listening socket's receive queue counts the connections that wait; another's counts bytes", () => {
  expect(hasUnaccepted(table(row("0A", "00000000"), row("01", "000000A0")))).toBe(false);
  expect(hasUnaccepted(table(row("0A", "00000000"), row("0A", "00000003")))).toBe(true);
  expect(hasUnaccepted("")).toBe(false);
});

test("it is waited for as long as connections wait, but not for a program that accepts none", async () => {
  const clock = new FakeClock();
  let waiting = "00000001";
  const over: string[] = [];
  const wait = (name: string) =>
    untilAccepted(1, clock, async () => [table(row("0A", waiting))]).then(() => over.push(name));
  const busy = wait("busy");
  await clock.advanceAsync(500);
  expect(over).toEqual([]);
  waiting = "00000000";
  await clock.advanceAsync(20);
  await busy;
  waiting = "00000001";
  const hung = wait("hung");
  await clock.advanceAsync(900);
  expect(over).toEqual(["busy"]);
  await clock.advanceAsync(200);
  await hung;
});

test("nothing waits in the network of a process that is gone", async () => {
  await untilAccepted(2 ** 30, new FakeClock());
});
