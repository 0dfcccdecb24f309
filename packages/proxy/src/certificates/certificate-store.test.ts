import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "@skep/model";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { Certificates } from "./certificate.ts";
import { CertificateFolder, isCertificateSecret } from "./certificate-folder.ts";
import { watchSources } from "./certificate-source.ts";
import { CertificateStore } from "./certificate-store.ts";
import { testCertificate } from "./test-certificates.ts";

const web = testCertificate({ names: ["web.example.com"] });
const renewed = testCertificate({ names: ["web.example.com"] });
const shop = testCertificate({ names: ["shop.example.com"] });

let folder: string;
const watching = new Set<AbortController>();
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "certificates-"));
});
afterEach(() => {
  for (const each of watching) each.abort();
  watching.clear();
  rmSync(folder, { recursive: true });
});

const storeIn = (path = folder) => new CertificateStore(path, systemClock);
const put = (name: string, text: string) => writeFileSync(join(folder, name), text);
const namesIn = ({ certificates }: Certificates) => certificates.flatMap(({ names }) => names);

function follow(source: { watch(signal: AbortSignal): AsyncIterable<Certificates> }) {
  const controller = new AbortController();
  watching.add(controller);
  const snapshots = source.watch(controller.signal)[Symbol.asyncIterator]();
  return { next: async () => (await snapshots.next()).value as Certificates, end: () => controller.abort() };
}

test("stores a certificate as it came, readable by its owner only", async () => {
  const text = `# of web\n${web.pem}`;
  const stored = await storeIn().put("web.pem", text);
  expect(stored).toMatchObject({ path: join(folder, "web.pem"), names: ["web.example.com"], pem: web.pem });
  expect(readFileSync(join(folder, "web.pem"), "utf8")).toBe(text);
  expect(statSync(join(folder, "web.pem")).mode & 0o777).toBe(0o600);
  expect(readdirSync(folder)).toEqual(["web.pem"]);
});

test("stores one that HAProxy cannot read in an order that it can", async () => {
  const root = testCertificate({ names: ["root"] });
  const leaf = testCertificate({ names: ["leaf"], issuer: root });
  await storeIn().put("leaf.pem", root.certificate + leaf.pem);
  expect(readFileSync(join(folder, "leaf.pem"), "utf8")).toBe(leaf.certificate + root.certificate + leaf.key);
});

test("makes the folder", async () => {
  await storeIn(join(folder, "a", "b")).put("web.pem", web.pem);
  expect(readdirSync(join(folder, "a", "b"))).toEqual(["web.pem"]);
});

test.each([
  ["web.pem", web.certificate, "its private key is missing"],
  ["web.pem", "garbage", "it is not PEM"],
  ["../web.pem", renewed.pem, "is not a plain file name"],
])("a certificate that is refused leaves the old one as it is: %s", async (name, text, reason) => {
  const store = storeIn();
  await store.put("web.pem", web.pem);
  await expect(store.put(name, text)).rejects.toThrow(reason);
  expect(readFileSync(join(folder, "web.pem"), "utf8")).toBe(web.pem);
  expect(readdirSync(folder)).toEqual(["web.pem"]);
});

test("what HAProxy itself refuses is not stored", async () => {
  const tried: string[] = [];
  const store = new CertificateStore(folder, systemClock, async (path) => {
    tried.push(readFileSync(path, "utf8"));
    return tried.length > 1 ? "unable to load SSL certificate" : undefined;
  });
  await store.put("web.pem", web.pem);
  await expect(store.put("web.pem", renewed.pem)).rejects.toThrow(
    "HAProxy refuses the certificate: unable to load SSL certificate",
  );
  expect(tried).toEqual([web.pem, renewed.pem]);
  expect(readFileSync(join(folder, "web.pem"), "utf8")).toBe(web.pem);
  expect(readdirSync(folder)).toEqual(["web.pem"]);
});

test("of certificates stored under one name at once one is whole in the end", async () => {
  const store = storeIn();
  await Promise.all([web, renewed, web, renewed].map(({ pem }) => store.put("web.pem", pem)));
  expect(readFileSync(join(folder, "web.pem"), "utf8")).toBe(renewed.pem);
  expect(readdirSync(folder)).toEqual(["web.pem"]);
});

test("removes a certificate, and tells when there was none", async () => {
  const store = storeIn();
  await store.put("web.pem", web.pem);
  expect(await store.remove("web.pem")).toBe(true);
  expect(await store.remove("web.pem")).toBe(false);
  await expect(store.remove("../web.pem")).rejects.toThrow("is not a plain file name");
});

test("lists the files of its folder by name, with their content", async () => {
  put("b.pem", web.pem);
  put("a.pem", "garbage");
  put(".b.pem.new", "draft");
  expect(await storeIn().files()).toEqual([
    { name: "a.pem", content: "garbage" },
    { name: "b.pem", content: web.pem },
  ]);
  expect(await storeIn(join(folder, "none")).files()).toEqual([]);
});

test("reads the certificates of a folder and tells what is wrong with the other files", async () => {
  put("b.pem", web.pem);
  put("a.pem", shop.pem);
  put("c.pem", web.certificate);
  put("d e.pem", web.pem);
  put(".hidden", web.pem);
  symlinkSync(join(folder, "b.pem"), join(folder, "z.pem"));
  symlinkSync(join(folder, "gone"), join(folder, "y.pem"));
  const { certificates, refused } = await new CertificateFolder(folder, systemClock).read();
  expect(certificates.map(({ path, names }) => [path, names])).toEqual([
    [join(folder, "a.pem"), ["shop.example.com"]],
    [join(folder, "b.pem"), ["web.example.com"]],
    [join(folder, "z.pem"), ["web.example.com"]],
  ]);
  expect(refused).toEqual([
    {
      path: join(folder, "c.pem"),
      reason: "the certificate is refused: its private key is missing; certificate, chain and key belong into one file",
    },
    {
      path: join(folder, "d e.pem"),
      reason: '"d e.pem" is not a plain file name of letters, digits and . _ - * @ + =',
    },
  ]);
});

test("of the secrets those are meant that are named cert-... or cert_...", async () => {
  for (const name of ["cert-a", "CERT_b", "dfp_users", "certificate"]) put(name, web.pem);
  const { certificates } = await new CertificateFolder(folder, systemClock, isCertificateSecret).read();
  expect(certificates.map(({ path }) => path)).toEqual([join(folder, "CERT_b"), join(folder, "cert-a")]);
});

test("tells of the folder's certificates at the start and after each change", async () => {
  const store = storeIn(join(folder, "certs"));
  const { next } = follow(store);
  expect(namesIn(await next())).toEqual([]);
  await store.put("web.pem", web.pem);
  expect(namesIn(await next())).toEqual(["web.example.com"]);
  writeFileSync(join(folder, "certs", "shop.pem"), shop.pem);
  expect(namesIn(await next())).toEqual(["shop.example.com", "web.example.com"]);
  writeFileSync(join(folder, "certs", "web.pem"), renewed.pem);
  expect((await next()).certificates[1]?.pem).toBe(renewed.pem);
  rmSync(join(folder, "certs", "web.pem"));
  expect(namesIn(await next())).toEqual(["shop.example.com"]);
  writeFileSync(join(folder, "certs", "shop.pem"), "garbage");
  expect((await next()).refused).toHaveLength(1);
});

test("a file touched, or written as it was, is no change", async () => {
  const store = storeIn();
  await store.put("web.pem", web.pem);
  const { next } = follow(store);
  await next();
  await store.put("web.pem", web.pem);
  await new Promise((resolve) => setTimeout(resolve, 150));
  await store.put("shop.pem", shop.pem);
  expect(namesIn(await next())).toEqual(["shop.example.com", "web.example.com"]);
});

test("watching ends with its signal", async () => {
  const { next, end } = follow(storeIn());
  await next();
  const last = next();
  end();
  expect(await last).toBeUndefined();
});

test("the sources' certificates come one source after the other, whichever changes", async () => {
  const store = storeIn();
  const secrets = mkdtempSync(join(tmpdir(), "secrets-"));
  writeFileSync(join(secrets, "cert-shop"), shop.pem);
  const sources = [store, new CertificateFolder(secrets, systemClock)];
  const { next } = follow({ watch: (signal) => watchSources(sources, signal) });
  expect(namesIn(await next())).toEqual(["shop.example.com"]);
  await store.put("web.pem", web.pem);
  expect(namesIn(await next())).toEqual(["web.example.com", "shop.example.com"]);
  rmSync(secrets, { recursive: true });
  expect(namesIn(await next())).toEqual(["web.example.com"]);
});

test("an error of a source is an error of all", async () => {
  const failing = {
    // biome-ignore lint/correctness/useYield: it fails before
    async *watch() {
      throw new Error("no authority");
    },
  };
  const all = watchSources([failing], AbortSignal.timeout(5000));
  await expect(all.next()).rejects.toThrow("no authority");
});
