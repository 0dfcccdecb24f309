import { mkdir, writeFile } from "node:fs/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { testCertificate } from "../src/certificates/test-certificates.ts";
import { addRoute, until } from "./proxy-calls.ts";
import { ProxyScene } from "./proxy-scene.ts";

// What a whole skep-proxy does with connections that it does not look into, and with what comes by environment and secrets.

const isRoot = process.getuid?.() === 0;
const local = { outboundHostname: "127.0.0.1" };

describe.skipIf(!isRoot)(`streams, secrets and the environment${isRoot ? "" : ": skipped, it needs root"}`, () => {
  let scene: ProxyScene;
  const carried = testCertificate({ names: ["carried.test"] });
  const servers = { "a.test": 9443, "b.test": 9444, "deep.c.test": 9445 };

  beforeAll(async () => {
    const env = {
      DEBUG: "true",
      DFP_SERVICE_SERVICE_NAME: "carried",
      DFP_SERVICE_SERVICE_PATH: "/carried",
      DFP_SERVICE_PORT: "9001",
      DFP_SERVICE_OUTBOUND_HOSTNAME: "127.0.0.1",
      DFP_SERVICE_SERVICE_CERT: carried.pem.replaceAll("\n", "\\n"),
    };
    scene = await ProxyScene.start(env, async (prepared) => {
      await mkdir(prepared.file("secrets"));
      await writeFile(prepared.file("secrets/dfp_users_staff"), "ann:secret\n");
      for (const [name, port] of Object.entries(servers)) await serveTls(prepared, name, port);
    });
  }, 60_000);

  afterAll(async () => {
    await scene?.[Symbol.asyncDispose]();
  }, 30_000);

  async function serveTls(prepared: ProxyScene, name: string, port: number): Promise<void> {
    const certificate = testCertificate({ names: [name] });
    await writeFile(prepared.file(`${name}.pem`), certificate.pem);
    await writeFile(prepared.file(`${name}.crt`), certificate.certificate);
    prepared.spawn([
      "openssl",
      "s_server",
      "-quiet",
      "-www",
      "-accept",
      `127.0.0.1:${port}`,
      "-cert",
      prepared.file(`${name}.pem`),
    ]);
  }

  /** Whether who answers on that port of the proxy has the name's certificate. */
  async function isServed(name: string, port: number, by = name): Promise<boolean> {
    const flags = ["--resolve", `${name}:${port}:127.0.0.1`, "--cacert", scene.file(`${by}.crt`)];
    return (await scene.get(`https://${name}:${port}/`, ...flags)).status === 200;
  }

  test("a tcp service has a port of its own", async () => {
    const { status } = await scene.reconfigure({
      ...{ serviceName: "plain", reqMode: "tcp", srcPort: "7000", port: "9003" },
      ...local,
    });
    expect(status).toBe(200);
    expect((await scene.get("http://127.0.0.1:7000/anything")).port).toBe(9003);
  });

  test("sni services share a port, and each gets its own name's connections, still encrypted", async () => {
    for (const [serviceName, domain] of [
      ["a", "a.test"],
      ["b", "b.test"],
    ] as const) {
      const port = `${servers[domain]}`;
      const query = { serviceName, reqMode: "sni", srcPort: "8443", port, serviceDomain: domain, ...local };
      expect(await scene.reconfigure(query)).toMatchObject({ status: 200 });
    }
    expect(await isServed("a.test", 8443)).toBe(true);
    expect(await isServed("b.test", 8443)).toBe(true);
    expect(await isServed("b.test", 8443, "a.test")).toBe(false);
  });

  test("a template's rules are the http frontend's, also beside tcp and sni services", async () => {
    const template = scene.file("cfg/tmpl/fe.tmpl");
    await mkdir(scene.file("cfg/tmpl"), { recursive: true });
    await writeFile(
      template,
      `
    acl url_{{.AclName}} path_beg{{range .ServiceDest}}{{range .ServicePath}} {{.}}{{end}}{{end}}
    http-request set-header X-Template yes if url_{{.AclName}}
    use_backend {{.AclName}}-be9003 if url_{{.AclName}}
`,
    );
    const sni = { reqMode: "sni", pathType: "req_ssl_sni -i", srcPort: "8444", servicePath: "a.test" };
    const tcp = { serviceName: "tcp-beside", reqMode: "tcp", port: "9002", srcPort: "7001", ...local };
    await addRoute(scene, "sni-before", 9443, sni);
    expect(await scene.reconfigure(tcp)).toMatchObject({ status: 200 });
    await addRoute(scene, "templated", 9003, { templateFePath: template });
    await addRoute(scene, "sni-after", 9444, { ...sni, servicePath: "b.test" });
    const { port, asked } = await scene.get("/templated/x");
    expect([port, asked?.headers["x-template"]]).toEqual([9003, "yes"]);
    expect([await isServed("a.test", 8444), await isServed("b.test", 8444)]).toEqual([true, true]);
    expect((await scene.get("http://127.0.0.1:7001/")).port).toBe(9002);
    for (const name of ["templated", "sni-before", "sni-after", "tcp-beside"])
      expect(await scene.call(`remove?serviceName=${name}`)).toMatchObject({ status: 200 });
    expect((await scene.get("/templated/x")).status).toBe(503);
    expect(await isServed("a.test", 8444)).toBe(false);
  });

  test("a tcp service is told by the name that a TLS client asks for, also by a wildcard", async () => {
    const query = {
      ...{ serviceName: "c", reqMode: "tcp", srcPort: "8444", port: "9445" },
      ...{ serviceDomain: "*.c.test", serviceDomainAlgo: "req.ssl_sni" },
      ...local,
    };
    expect(await scene.reconfigure(query)).toMatchObject({ status: 200 });
    expect(await isServed("deep.c.test", 8444)).toBe(true);
    expect(await isServed("a.test", 8444, "deep.c.test")).toBe(false);
  });

  test("users come from a secret", async () => {
    await addRoute(scene, "staff", 9002, { usersSecret: "staff" });
    expect((await scene.get("/staff")).status).toBe(401);
    expect((await scene.get("/staff", "-u", "ann:wrong")).status).toBe(401);
    expect((await scene.get("/staff", "-u", "ann:secret")).port).toBe(9002);
  });

  test("a certificate that the environment brings is served", async () => {
    await writeFile(scene.file("carried.test.crt"), carried.certificate);
    const flags = ["--resolve", "carried.test:443:127.0.0.1", "--cacert", scene.file("carried.test.crt")];
    await until(async () => (await scene.get("https://carried.test/carried", ...flags)).port === 9001);
    expect(JSON.stringify(await scene.call("services"))).not.toContain("PRIVATE KEY");
  });

  test("with DEBUG each request is a line", async () => {
    await addRoute(scene, "seen", 9004);
    await scene.get("/seen/by-somebody");
    await until(async () => scene.said.includes("/seen/by-somebody"));
  });
});
