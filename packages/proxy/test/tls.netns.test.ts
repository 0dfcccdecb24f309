import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type TestCertificate, testCertificate } from "../src/certificates/test-certificates.ts";
import { addRoute, metric, until } from "./proxy-calls.ts";
import { ProxyScene } from "./proxy-scene.ts";

// Certificates and TLS of a whole skep-proxy, as curl sees them: which certificate is shown is told by which one verifies.

const isRoot = process.getuid?.() === 0;

describe.skipIf(!isRoot)(`TLS${isRoot ? "" : ": skipped, it needs root"}`, () => {
  let folder: string;
  let scene: ProxyScene;
  const secret = testCertificate({ names: ["secret.test"] });
  const known = testCertificate({ names: ["a client"] });

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "skep-proxy-tls-"));
    const caFile = await written("clients.pem", known.certificate);
    scene = await ProxyScene.start({ HSTS: "true", CA_FILE: caFile }, async (prepared) => {
      await mkdir(prepared.file("secrets"));
      await writeFile(prepared.file("secrets/cert-secret"), secret.pem);
    });
    await addRoute(scene, "demo", 9001);
  }, 60_000);

  afterAll(async () => {
    await scene?.[Symbol.asyncDispose]();
    await rm(folder, { recursive: true, force: true });
  }, 30_000);

  test("a certificate among the secrets is served from the start", async () => {
    expect(await shows("secret.test", secret)).toBe(true);
  });

  test("two certificates are served by name, and come, are renewed and go without a reload", async () => {
    const [one, two] = [
      testCertificate({ names: ["one.test"] }),
      testCertificate({ names: ["two.test", "*.two.test"] }),
    ];
    await put("one.pem", one.pem); // the first of the list, which takes a reload
    const reloads = await reloadsSoFar();
    await put("two.pem", two.pem);
    expect(await Promise.all([shows("one.test", one), shows("two.test", two), shows("a.two.test", two)])).toEqual([
      true,
      true,
      true,
    ]);
    expect(await shows("one.test", two)).toBe(false);

    const renewed = testCertificate({ names: ["two.test"] });
    await put("two.pem", renewed.pem);
    expect([await shows("two.test", renewed), await shows("two.test", two)]).toEqual([true, false]);

    await rm(scene.file("certs/two.pem"));
    await until(async () => !(await shows("two.test", renewed)));
    expect(await shows("one.test", one)).toBe(true);
    expect(await reloadsSoFar()).toEqual(reloads);
  });

  test("when PUT answers, the certificate is served, each time", async () => {
    const shown: boolean[] = [];
    for (let i = 0; i < 5; i++) {
      const next = testCertificate({ names: ["soon.test"] });
      await put("soon.pem", next.pem);
      shown.push(await shows("soon.test", next));
    }
    expect(shown).toEqual([true, true, true, true, true]);
  });

  test("when DELETE answers, the certificate is served no more, without a reload", async () => {
    const gone = testCertificate({ names: ["gone.test"] });
    await put("zz-gone.pem", gone.pem);
    const reloads = await reloadsSoFar();
    expect(await shows("gone.test", gone)).toBe(true);
    expect(await scene.call("cert?certName=zz-gone.pem", "-X", "DELETE")).toMatchObject({ status: 200 });
    expect(await shows("gone.test", gone)).toBe(false);
    expect(await reloadsSoFar()).toEqual(reloads);
    expect(await scene.call("cert?certName=zz-gone.pem", "-X", "DELETE")).toMatchObject({ status: 404 });
  });

  test("a secret that comes later is served without a reload", async () => {
    const later = testCertificate({ names: ["later.test"] });
    const reloads = await reloadsSoFar();
    await writeFile(scene.file("secrets/cert_later"), later.pem);
    await until(() => shows("later.test", later));
    expect(await reloadsSoFar()).toEqual(reloads);
  });

  test("HTTP/2 is spoken to clients that ask for it by ALPN", async () => {
    const version = async (...flags: string[]) =>
      (await tls("secret.test", "-k", "-o", "/dev/null", "-w", "%{http_version} %{http_code}", ...flags)).stdout;
    expect([await version("--http2"), await version("--http1.1")]).toEqual(["2 200", "1.1 200"]);
  });

  test("Strict-Transport-Security is sent on TLS alone", async () => {
    const encrypted = await scene.get("https://secret.test/demo", ...to("secret.test"), "-k");
    expect(encrypted.headers["strict-transport-security"]).toBe("max-age=31536000");
    expect(encrypted.asked?.headers["x-forwarded-proto"]).toBe("https");
    const plain = await scene.get("/demo");
    expect(plain.headers["strict-transport-security"]).toBeUndefined();
    expect(plain.asked?.headers["x-forwarded-proto"]).toBeUndefined();
  });

  test("client certificates are asked for where a service wants them, and must be the authority's", async () => {
    await addRoute(scene, "verified", 9002, { verifyClientSsl: "true" });
    const stranger = testCertificate({ names: ["a client"] });
    const certificates = await Promise.all([written("known.pem", known.pem), written("stranger.pem", stranger.pem)]);
    const code = async (path: string, ...flags: string[]) =>
      (await scene.get(`https://secret.test/${path}`, ...to("secret.test"), "-k", ...flags)).status;
    const [withKnown, withStranger] = certificates.map((path) => ["--cert", path]);
    expect(await code("verified")).toBe(403);
    expect(await code("verified", ...(withKnown ?? []))).toBe(200);
    expect(await code("verified", ...(withStranger ?? []))).toBe(0); // the handshake fails
    expect(await code("demo")).toBe(200);
  });

  test("a service that is for HTTPS only redirects to it, with the code it wants", async () => {
    await addRoute(scene, "safe", 9001, { httpsOnly: "true", httpsRedirectCode: "307" });
    const { status, headers } = await scene.get("/safe?a=1", "-H", "Host: secret.test");
    expect([status, headers.location]).toEqual([307, "https://secret.test/safe?a=1"]);
    expect((await scene.get("https://secret.test/safe", ...to("secret.test"), "-k")).port).toBe(9001);
  });

  test("TLS 1.1 is refused, TLS 1.2 is not", async () => {
    const old = ["-sSk", "--ciphers", "DEFAULT@SECLEVEL=0", "--tlsv1.0", "--tls-max"];
    expect((await tls("secret.test", ...old, "1.1")).stderr).toContain("alert protocol version");
    expect((await tls("secret.test", ...old, "1.2")).stdout).toContain('"port":9001');
  });

  test("the certificates are listed without their keys, and when each ends is a metric", async () => {
    const { json } = await scene.call("certs");
    expect(json.Certs.map(({ ProxyServiceName }: { ProxyServiceName: string }) => ProxyServiceName).sort()).toEqual([
      "one.pem",
      "soon.pem",
    ]);
    expect(json.Certs[0].CertContent).toContain("BEGIN CERTIFICATE");
    expect(JSON.stringify(json)).not.toContain("KEY-----\\nM");
    const name = `skep_proxy_certificate_not_after_seconds{certificate="${scene.file("certs/one.pem")}"}`;
    expect(await metric(scene, name)).toBe(Date.parse("2049-01-01") / 1000);
  });

  async function written(name: string, text: string): Promise<string> {
    await writeFile(join(folder, name), text);
    return join(folder, name);
  }

  async function put(name: string, pem: string): Promise<void> {
    const path = await written(name, pem);
    expect(await scene.call(`cert?certName=${name}`, "-T", path)).toMatchObject({ status: 200 });
  }

  const to = (name: string) => ["--resolve", `${name}:443:127.0.0.1`];
  const tls = (name: string, ...flags: string[]) =>
    scene.run("curl", "-s", "-m", "10", ...to(name), ...flags, `https://${name}/demo`);

  /** Whether this is the certificate that is shown for the name. */
  async function shows(name: string, certificate: TestCertificate): Promise<boolean> {
    const path = await written(`ca-${name}.pem`, certificate.certificate);
    return (await scene.get(`https://${name}/demo`, ...to(name), "--cacert", path)).status === 200;
  }

  const reloadsSoFar = async () => [
    await metric(scene, "skep_proxy_reloads_total"),
    /DF_GENERATION (\d+)/.exec(await scene.config())?.[1],
  ];
});
