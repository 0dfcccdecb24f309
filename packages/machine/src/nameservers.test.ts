import { createSocket } from "node:dgram";
import { once } from "node:events";
import { expect, test } from "vitest";
import { answeringNameservers, answersQueries, nameserversIn } from "./nameservers.ts";

test("nameservers on the loopback are of no use to a node, IPv6 ones out of its reach", () => {
  const file =
    "# made by hand\nnameserver 127.0.0.53\nnameserver 10.0.0.2\nnameserver ::1\n nameserver 9.9.9.9 \nsearch lan\n";
  expect(nameserversIn(file)).toEqual(["10.0.0.2", "9.9.9.9"]);
});

test("only nameservers that answer are used", async () => {
  const answers = async (address: string) => address === "9.9.9.9";
  expect(await answeringNameservers(["10.0.0.2", "9.9.9.9"], answers)).toEqual(["9.9.9.9"]);
});

test("an answer of any kind counts, a port where nothing listens does not", async () => {
  const server = createSocket("udp4", (_, from) => server.send(Buffer.from("refused"), from.port, from.address));
  server.bind(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address();
  expect(await answersQueries("127.0.0.1", port)).toBe(true);
  server.close();
  await once(server, "close");
  expect(await answersQueries("127.0.0.1", port)).toBe(false);
});
