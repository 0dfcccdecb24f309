import { expect, test } from "vitest";
import { nameserversIn, usableNameservers } from "./nameservers.ts";

test("nameservers on the loopback are of no use to a node, IPv6 ones out of its reach", () => {
  const file =
    "# made by hand\nnameserver 127.0.0.53\nnameserver 10.0.0.2\nnameserver ::1\n nameserver 9.9.9.9 \nsearch lan\n";
  expect(nameserversIn(file)).toEqual(["10.0.0.2", "9.9.9.9"]);
});

test("only nameservers that answer are used", async () => {
  const answers = async (address: string) => address === "9.9.9.9";
  expect(await usableNameservers(["10.0.0.2", "9.9.9.9"], "192.168.99.1", answers)).toEqual(["9.9.9.9"]);
});

test("with none that answers, nodes ask the bridge, which refuses at once", async () => {
  expect(await usableNameservers(["10.0.0.2"], "192.168.99.1", async () => false)).toEqual(["192.168.99.1"]);
  expect(await usableNameservers([], "192.168.99.1")).toEqual(["192.168.99.1"]);
});
