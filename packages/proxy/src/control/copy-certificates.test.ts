import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { silentLogger, systemClock } from "@skep/model";
import { FakeClock } from "@skep/testkit";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { CertificateStore, withoutKeys } from "../certificates/index.ts";
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
  /** What DNS knows of this replica. */
  const own = { isFound: true };
  const ending = new AbortController();
  cleanups.push(() => ending.abort());
  let told = 0;
  const copy = (more: Partial<CopyCertificatesParts> = {}) =>
    copyCertificates(
      {
        ...{ peers: { find: async () => ({ others: addresses, ...own }) }, store },
        ...{ control: { port, token: undefined }, told: () => told++, clock, log: silentLogger, ...more },
      },
      ending.signal,
    );
  const files = async () => Object.fromEntries((await store.files()).map(({ name, content }) => [name, content]));
  /** Lets the next try begin, when no answer is waited for any more. */
  const next = async () => {
    await expect.poll(() => clock.pending).toBe(1);
    clock.advance(clock.nextInMs ?? 0);
  };
  return { asked, clock, port, store, own, copy, files, next, told: () => told };
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

test("replicas that fail, or answer nonsense, do not keep the others' certificates away, and are asked again", async () => {
  const wrong: RequestListener[] = [failing, (_, response) => response.end("<html>")];
  const sometimes: RequestListener = (...call) => (wrong.shift() ?? listing({ "shop.pem": shop }))(...call);
  const { copy, files, told, next } = await start(sometimes, listing({ "web.pem": web }));
  const copied = copy();
  await expect.poll(told).toBe(1);
  expect(await files()).toEqual({ "web.pem": web });
  await next();
  await expect.poll(told).toBe(2);
  await next();
  await copied;
  expect(await files()).toEqual({ "shop.pem": shop, "web.pem": web });
});

test("a certificate that cannot be used is left out, and a name that leads elsewhere", async () => {
  const { copy, files } = await start(listing({ "bad.pem": "garbage", "../out.pem": web, "shop.pem": shop }));
  await copy();
  expect(await files()).toEqual({ "shop.pem": shop });
});

test("a replica that does not answer is waited for no longer than 2 s", async () => {
  const { asked, clock, copy, files, told } = await start(silent, listing({ "web.pem": web }));
  void copy();
  await expect.poll(() => asked).toHaveLength(2);
  await expect.poll(() => clock.pending).toBe(1);
  clock.advance(2000);
  await expect.poll(told).toBe(1);
  expect(await files()).toEqual({ "web.pem": web });
});

test("where no other replica is known nothing is copied, until there is one", async () => {
  const { copy, files, told, next } = await start(listing({ "web.pem": web }));
  const find = vi.fn(async () => ({ others: ["127.0.0.11"], isFound: true }));
  find.mockRejectedValueOnce(new Error("Could not perform DNS lookup for tasks.proxy."));
  const copied = copy({ peers: { find } });
  await expect.poll(told).toBe(1);
  expect(await files()).toEqual({});
  await next();
  await copied;
  expect(await files()).toEqual({ "web.pem": web });
});

test("keys that are held back are asked for again; only then the replica has what the others have", async () => {
  const answers = [listing({ "web.pem": withoutKeys(web) }), listing({ "web.pem": web })];
  const { clock, copy, files, told, next } = await start((...call) => answers.shift()?.(...call));
  const copied = copy();
  await expect.poll(() => clock.nextInMs).toBe(500);
  expect([await files(), told()]).toEqual([{}, 0]);
  await next();
  await copied;
  expect([await files(), told()]).toEqual([{ "web.pem": web }, 1]);
});

test("what is put to the others before DNS knows this replica is here too, also in place of what was copied", async () => {
  const there: Record<string, string> = { "web.pem": web };
  const { own, store, copy, files, told, next } = await start((...call) => listing(there)(...call));
  own.isFound = false;
  const copied = copy();
  await expect.poll(told).toBe(1);
  there["web.pem"] = renewed;
  there["shop.pem"] = shop;
  await next();
  await expect.poll(told).toBe(2);
  expect(await files()).toEqual({ "shop.pem": shop, "web.pem": renewed });
  await store.put("shop.pem", renewed);
  there["web.pem"] = web;
  own.isFound = true;
  await next();
  await copied;
  expect(await files()).toEqual({ "shop.pem": renewed, "web.pem": web });
});

test("what cannot be written is tried again", async () => {
  const { store, copy, files, told, next } = await start(listing({ "web.pem": web }));
  const put = vi.fn(store.put.bind(store)).mockRejectedValueOnce(new Error("ENOSPC: no space left on device"));
  const copied = copy({ store: { files: () => store.files(), put } });
  await expect.poll(told).toBe(1);
  await next();
  await copied;
  expect(await files()).toEqual({ "web.pem": web });
});

test("the token goes along, since keys are told to nobody else", async () => {
  const { asked, port, copy } = await start(listing({}));
  await copy({ control: { port, token: "t0k3n" } });
  expect(asked).toEqual(["127.0.0.11 GET /v1/docker-flow-proxy/certs Bearer t0k3n"]);
});
