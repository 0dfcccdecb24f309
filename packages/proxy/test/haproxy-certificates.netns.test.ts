import { execFile } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { connect } from "node:tls";
import { promisify } from "node:util";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { Rendered } from "../src/render/rendered.ts";
import type { CertificateStep } from "../src/runtime/certificate-step.ts";
import type { Driver } from "../src/runtime/driver.ts";
import { route, Scene } from "./haproxy-scene.ts";

let scene: Scene;
let driver: Driver;
let web: number;

/** A fresh certificate for a name, written to its file. */
async function certificate(name: string): Promise<{ path: string; pem: string }> {
  const [cert, key, path] = [scene.file("cert.tmp"), scene.file("key.tmp"), scene.file(`${name}.pem`)];
  const subject = ["-subj", `/CN=${name}`, "-addext", `subjectAltName=DNS:${name}`];
  const curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  await promisify(execFile)("openssl", [
    "req",
    "-x509",
    ...curve,
    "-keyout",
    key,
    "-out",
    cert,
    "-days",
    "2",
    ...subject,
  ]);
  const { stdout: pem } = await promisify(execFile)("cat", [cert, key]);
  await writeFile(path, pem);
  return { path, pem };
}

/** The name on the certificate that is shown, and its serial number; undefined when the handshake fails. */
const shown = (servername: string): Promise<{ name: string; serial: string } | undefined> =>
  new Promise((resolve) => {
    const socket = connect({ host: "127.0.0.1", port: scene.tlsPort, servername, rejectUnauthorized: false }, () => {
      const { subject, serialNumber } = socket.getPeerCertificate();
      resolve({ name: String(subject.CN), serial: serialNumber });
      socket.destroy();
    });
    socket.on("error", () => resolve(undefined));
  });

const wanted = (...names: string[]): Rendered =>
  scene.render([route("web", web)], names.map((name) => `${scene.file(`${name}.pem`)}\n`).join(""));

beforeEach(async () => {
  scene = await Scene.create();
  web = await scene.upstream("web");
  await certificate("a.example.com");
  driver = await scene.startDriver();
  await driver.apply(wanted("a.example.com"));
});

afterEach(async () => {
  await driver.stop(0);
  await scene[Symbol.asyncDispose]();
});

test("certificates are added, renewed and removed without a reload", async () => {
  const first = await shown("a.example.com");
  const added = await certificate("b.example.com");
  const add = await driver.apply(wanted("a.example.com", "b.example.com"), { certificates: [{ do: "add", ...added }] });
  expect(add).toMatchObject({ how: "runtime", steps: [`add certificate ${added.path}`] });
  expect((await shown("b.example.com"))?.name).toBe("b.example.com");

  const renewed = await certificate("a.example.com");
  await driver.apply(wanted("a.example.com", "b.example.com"), { certificates: [{ do: "renew", ...renewed }] });
  expect((await shown("a.example.com"))?.serial).not.toBe(first?.serial);

  const { path } = added;
  const remove = await driver.apply(wanted("a.example.com"), { certificates: [{ do: "remove", path }] });
  expect(remove.how).toBe("runtime");
  expect(await shown("b.example.com")).toBeUndefined();
  expect(driver.counts).toMatchObject({ reloads: 1, unexpectedAnswers: 0 });
  console.info(`certificate added in ${add.tookMs.toFixed(1)} ms, removed in ${remove.tookMs.toFixed(1)} ms`);
});

test("a certificate that HAProxy refuses leaves the old one in use", async () => {
  const before = await shown("a.example.com");
  const good = await certificate("b.example.com");
  await writeFile(good.path, "nonsense");
  const steps: CertificateStep[] = [{ do: "add", path: good.path, pem: "nonsense" }];
  await expect(driver.apply(wanted("a.example.com", "b.example.com"), { certificates: steps })).rejects.toThrow(
    /b\.example\.com\.pem/,
  );
  expect(await shown("a.example.com")).toEqual(before);
  expect(await driver.apply(wanted("a.example.com"))).toMatchObject({ how: "unchanged" });
});

test("a changed list that nobody has planned steps for is reloaded", async () => {
  await certificate("b.example.com");
  expect(await driver.apply(wanted("a.example.com", "b.example.com"))).toMatchObject({ how: "reload" });
  expect((await shown("b.example.com"))?.name).toBe("b.example.com");
});

test("a renewal is not lost among changes that come at the same time", async () => {
  const before = await shown("a.example.com");
  const renewed = await certificate("a.example.com");
  const second = await scene.upstream("second");
  const list = wanted("a.example.com");
  const more = scene.render([route("web", web, second)], list.files.get(scene.file("list.txt")));
  await Promise.all([driver.apply(list, { certificates: [{ do: "renew", ...renewed }] }), driver.apply(more)]);
  expect((await shown("a.example.com"))?.serial).not.toBe(before?.serial);
  expect(driver.counts.reloads).toBe(1);
});
