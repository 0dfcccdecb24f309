import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { silentLogger, systemClock } from "@skep/model";
import { FakeClock } from "@skep/testkit";
import { afterEach, beforeEach, expect, test } from "vitest";
import { CertificateStore } from "../certificates/index.ts";
import { testCertificate } from "../certificates/test-certificates.ts";
import { type CopyCertificatesParts, copyCertificates } from "./copy-certificates.ts";

const web = testCertificate({ names: ["web.example.com"] }).pem;
const shop = testCertificate({ names: ["shop.example.com"] }).pem;
const renewed = testCertificate({ names: ["web.example.com"] }).pem;

let folder: string;
const cleanups: (() => void)[] = [];
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "copied-certificates-"));
});
afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) cleanup();
  await rm(folder, { recursive: true });
});

/** Replicas on 127.0.0.11 and so on, all on one port, each with its answer. */
async function start(...answers: readonly RequestListener[]) {
  const asked: string[] = [];
  const addresses = answers.map((_, i) => `127.0.0.${11 + i}`);
  const clock = new FakeClock();
  let port = 0;
  for (const [i, answer] of answers.entries()) {
    const server = createServer((request, response) => {
      asked.push(`${addresses[i]} ${request.method} ${request.url} ${request.headers.authorization ?? ""}`.trim());
      answer(request, response);
    }).listen(port, addresses[i]);
    await once(server, "listening");
    port = (server.address() as AddressInfo).port;
    cleanups.push(() => {
      server.closeAllConnections();
      server.close();
    });
  }
  const store = new CertificateStore(folder, systemClock);
  const copy = (more: Partial<CopyCertificatesParts> = {}) =>
    copyCertificates(
      {
        ...{ peers: { addresses: async () => addresses }, store, control: { port, token: undefined } },
        ...{ pauseMs: 0, clock, log: silentLogger, ...more },
      },
      new AbortController().signal,
    );
  const files = async () => Object.fromEntries((await store.files()).map(({ name, content }) => [name, content]));
  return { asked, clock, port, store, copy, files };
}

const listing =
  (files: Record<string, string>): RequestListener =>
  (_, response) => {
    const Certs = Object.entries(files).map(([ProxyServiceName, CertContent]) => ({ ProxyServiceName, CertContent }));
    response.end(JSON.stringify({ Status: "OK", Message: "", Certs }));
  };
const failing: RequestListener = (_, response) => response.writeHead(500).end();
const silent: RequestListener = () => {};

test("each replica is asked, and what any of them has is here too", async () => {
  const { asked, copy, files } = await start(
    listing({ "web.pem": web }),
    listing({ "web.pem": web, "shop.pem": shop }),
  );
  await copy();
  expect(asked.sort()).toEqual([
    "127.0.0.11 GET /v1/docker-flow-proxy/certs",
    "127.0.0.12 GET /v1/docker-flow-proxy/certs",
  ]);
  expect(await files()).toEqual({ "shop.pem": shop, "web.pem": web });
});

test("certificates that are here already stay", async () => {
  const { store, copy, files } = await start(listing({ "web.pem": web, "shop.pem": shop }));
  await store.put("web.pem", renewed);
  await copy();
  expect(await files()).toEqual({ "shop.pem": shop, "web.pem": renewed });
});

test("replicas that fail, or answer nonsense, do not keep the others' certificates away", async () => {
  const nonsense: RequestListener = (_, response) => response.end("<html>");
  const { copy, files } = await start(failing, nonsense, listing({ "web.pem": web }));
  await copy();
  expect(await files()).toEqual({ "web.pem": web });
});

test("a certificate that cannot be used is left out, and a name that leads elsewhere", async () => {
  const { copy, files } = await start(listing({ "bad.pem": "garbage", "../out.pem": web, "shop.pem": shop }));
  await copy();
  expect(await files()).toEqual({ "shop.pem": shop });
});

test("a replica that does not answer is waited for no longer than 2 s", async () => {
  const { asked, clock, copy, files } = await start(silent, listing({ "web.pem": web }));
  const copied = copy();
  await expect.poll(() => asked).toHaveLength(2);
  await expect.poll(() => clock.pending).toBe(1);
  clock.advance(2000);
  await copied;
  expect(await files()).toEqual({ "web.pem": web });
});

test("where no other replica is known nothing is copied", async () => {
  const { copy, files } = await start();
  await copy({
    peers: { addresses: () => Promise.reject(new Error("Could not perform DNS lookup for tasks.proxy.")) },
  });
  expect(await files()).toEqual({});
});

test("the token goes along, since keys are told to nobody else", async () => {
  const { asked, port, copy } = await start(listing({}));
  await copy({ control: { port, token: "t0k3n" } });
  expect(asked).toEqual(["127.0.0.11 GET /v1/docker-flow-proxy/certs Bearer t0k3n"]);
});

test("DNS_LOOKUP_PAUSE_MS is how long it waits before it asks", async () => {
  const { asked, clock, copy, files } = await start(listing({ "web.pem": web }));
  const copied = copy({ pauseMs: 250 });
  await expect.poll(() => clock.nextInMs).toBe(250);
  expect(asked).toEqual([]);
  clock.advance(250);
  await copied;
  expect(await files()).toEqual({ "web.pem": web });
});
