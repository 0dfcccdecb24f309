import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { silentLogger } from "@skep/model";
import { FakeClock } from "@skep/testkit";
import { afterEach, expect, test } from "vitest";
import type { CopyCertificatesParts } from "./copy-certificates.ts";
import type { FollowPeersParts } from "./follow-peers.ts";
import { followReplicas } from "./follow-replicas.ts";

const cleanups: (() => void)[] = [];
afterEach(() => {
  for (const cleanup of cleanups.splice(0)) cleanup();
});

test("DNS_LOOKUP_PAUSE_MS is how long it waits before it asks", async () => {
  const asked: string[] = [];
  const server = createServer(({ url = "" }, response) => {
    asked.push(url.replace(/^.*\/|\?.*$/g, ""));
    const Certs = [{ ProxyServiceName: "web.pem", CertContent: "the certificate" }];
    response.end(JSON.stringify({ Certs, revision: "1", managed: true, routes: {}, swarm: {} })); // to both questions
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const ending = new AbortController();
  cleanups.push(() => {
    ending.abort();
    server.closeAllConnections();
    server.close();
  });
  const clock = new FakeClock();
  const stored: string[] = [];
  const common = { clock, log: silentLogger, told: () => {} };
  const others = ["127.0.0.1"];
  const certificates = {
    ...{ peers: { find: async () => ({ others, isFound: true }) }, control: { port, token: undefined }, ...common },
    store: { files: async () => [], put: async (name: string, text: string) => void stored.push(`${name}: ${text}`) },
  } as unknown as CopyCertificatesParts;
  const routes = {
    ...{ peers: { addresses: async () => others }, port, token: undefined, ...common },
    ...{ view: { follow: () => {} }, isManaged: () => true, tookOver: () => {} },
  } as unknown as FollowPeersParts;
  void followReplicas({ certificates, routes, pauseMs: 250, clock }, ending.signal);
  await expect.poll(() => clock.nextInMs).toBe(250);
  expect(asked).toEqual([]);
  clock.advance(250);
  await expect.poll(() => asked.toSorted()).toEqual(["certs", "services"]);
  await expect.poll(() => stored).toEqual(["web.pem: the certificate"]);
});
