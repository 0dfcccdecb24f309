import { expect, test } from "vitest";
import { UpstreamOrder } from "./upstream-order.ts";

const servers = ["a", "b", "c"];

test("servers are asked as given while all answer", () => {
  const order = new UpstreamOrder();
  order.answered("b");
  expect(order.order(servers, 0)).toEqual(servers);
});

test("a silent server is asked last until it has rested or answered", () => {
  const order = new UpstreamOrder();
  order.silent("a", 0);
  expect(order.order(servers, 29_999)).toEqual(["b", "c", "a"]);
  expect(order.order(servers, 30_000)).toEqual(servers);
  order.silent("a", 30_000);
  order.answered("a");
  expect(order.order(servers, 30_001)).toEqual(servers);
});

test("when all are silent they keep their order", () => {
  const order = new UpstreamOrder();
  for (const server of servers) order.silent(server, 0);
  expect(order.order(servers, 1)).toEqual(servers);
});

test("after its rest a silent server is tried by one question only", () => {
  const order = new UpstreamOrder();
  order.silent("a", 0);
  expect(order.order(servers, 30_000)).toEqual(servers);
  order.asked("a", 30_000);
  expect(order.order(servers, 30_001)).toEqual(["b", "c", "a"]);
});
