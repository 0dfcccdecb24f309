import { Worker } from "node:worker_threads";
import { expect, test } from "vitest";
import { startDnsServer } from "./start-dns-server.ts";

test("a thread that cannot start is told at once", async () => {
  const startThread = () => new Worker("throw new Error('no such library')", { eval: true });
  await expect(startDnsServer({ startThread })).rejects.toThrow("the DNS thread does not start");
});

test("the thread starts, takes names, and ends when it is closed", async () => {
  const dns = await startDnsServer({ upstreams: ["192.0.2.53"] });
  await dns.putZone({ networkId: "n", name: "front", names: new Map(), reverse: new Map() });
  await dns.removeZone("n");
  await dns.close("no such container");
  await dns[Symbol.asyncDispose]();
  await expect(dns.removeZone("n")).rejects.toThrow("the DNS server is closed");
});
