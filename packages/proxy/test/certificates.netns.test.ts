import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect as connectTls } from "node:tls";
import { systemClock } from "@skep/model";
import { runCommand } from "@skep/testkit";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { CertificateStore } from "../src/certificates/certificate-store.ts";
import {
  blameCertificate,
  type Certificate,
  parsePem,
  planCertificates,
  renderCertificateTrial,
  renderCrtList,
} from "../src/certificates/index.ts";
import { ecKey, pemBlock, rsaKey, testCertificate } from "../src/certificates/test-certificates.ts";
import type { CertificateStep } from "../src/runtime/certificate-step.ts";

let folder: string;
const running = new Set<ChildProcess>();
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "haproxy-certificates-"));
});
afterEach(async () => {
  for (const each of running) await stop(each);
});
afterAll(() => rmSync(folder, { recursive: true }));

async function stop(haproxy: ChildProcess): Promise<void> {
  running.delete(haproxy);
  haproxy.kill("SIGKILL");
  if (haproxy.exitCode === null) await once(haproxy, "exit");
}

const path = (name: string) => join(folder, name);

/** HAProxy's words against the file; undefined when it takes it. */
async function trial(file: string): Promise<string | undefined> {
  const config = path("trial.cfg");
  writeFileSync(config, renderCertificateTrial(file));
  const { code, stderr } = await runCommand(["haproxy", "-c", "-f", config]);
  return code === 0 ? undefined : stderr;
}

async function isTaken(text: string): Promise<boolean> {
  writeFileSync(path("tried.pem"), text);
  return (await trial(path("tried.pem"))) === undefined;
}

const root = testCertificate({ names: ["root"] });
const middle = testCertificate({ names: ["middle"], issuer: root });
const leaf = testCertificate({ names: ["leaf.test"], issuer: middle });
const chain = middle.certificate + root.certificate;
const usual = leaf.certificate + chain + leaf.key;

test.each([
  ["the usual order", usual],
  ["the key first", leaf.key + leaf.certificate + chain],
  ["the chain first", chain + leaf.pem],
  ["the chain turned round", leaf.certificate + root.certificate + middle.certificate + leaf.key],
  ["Windows' line ends", usual.replaceAll("\n", "\r\n")],
  ["old Macs' line ends", usual.replaceAll("\n", "\r")],
  ["no line end at the end", usual.trimEnd()],
  ["no line end between", leaf.certificate.trimEnd() + chain + leaf.key],
  ["a mark of the byte order", `\uFEFF${usual}`],
  ["a NUL before it", `\0\n${usual}`],
  ["indented lines", usual.replaceAll(/^/gm, "  ")],
  ["a body of one line", usual.replaceAll(/([A-Za-z0-9+/=]{64})\n(?!-)/g, "$1")],
  ["blanks at the lines' ends", usual.replaceAll("\n", " \t\n")],
  ["text between", `subject=leaf\n\n${leaf.certificate}\n\n# chain\n${chain}\n${leaf.key}`],
  ["RSA with 2048 bits", testCertificate({ names: ["rsa.test"], key: rsaKey(2048) }).pem],
  ["a certificate that has expired", testCertificate({ names: ["old.test"], notAfter: "2021-01-01" }).pem],
  ["a self-signed one with SHA-1", testCertificate({ names: ["sha1.test"], key: rsaKey(2048), hash: "sha1" }).pem],
  ["one without a name of the DNS", testCertificate({ names: ["My Company"] }).pem],
])("HAProxy takes %s, as it is or put in order", async (_, text) => {
  const { pem, readable } = parsePem(text);
  expect(await isTaken(pem)).toBe(true);
  if (readable) expect(await isTaken(text)).toBe(true);
});

test.each([
  ["garbage", "hello\n"],
  ["a certificate without its key", leaf.certificate],
  ["a key without its certificate", leaf.key],
  ["a key of another certificate", leaf.certificate + root.key],
  ["a certificate cut off", leaf.certificate.slice(0, 300)],
  ["RSA with 1024 bits", testCertificate({ names: ["weak.test"], key: rsaKey(1024) }).pem],
  [
    "a signature with SHA-1",
    testCertificate({ names: ["sha1.test"], key: ecKey(), hash: "sha1", issuer: testCertificate({ names: ["r"] }) })
      .pem,
  ],
  ["a certificate that is none", pemBlock("CERTIFICATE", Buffer.from("nonsense")) + leaf.key],
])("what is refused would keep HAProxy from starting: %s", async (_, text) => {
  expect(() => parsePem(text)).toThrow();
  expect(await isTaken(text)).toBe(false);
});

test("the file that HAProxy names in its error is found", async () => {
  writeFileSync(path("bad.pem"), leaf.certificate + root.key);
  const [good, bad] = [{ path: path("good.pem") }, { path: path("bad.pem") }];
  expect(blameCertificate((await trial(bad.path)) ?? "", [good, bad])).toBe(bad);
});

test("a certificate that only HAProxy refuses is not stored", async () => {
  const store = new CertificateStore(path("certs"), systemClock, trial);
  await store.put("leaf.pem", usual);
  const problem = await trial(path("none.pem"));
  expect(problem).toContain("none.pem");
  const refusing = new CertificateStore(path("certs"), systemClock, async () => problem);
  await expect(refusing.put("leaf.pem", usual)).rejects.toThrow("HAProxy refuses the certificate");
  expect((await store.read()).certificates).toHaveLength(1);
});

interface Listed extends Pick<Certificate, "path" | "pem" | "names"> {
  readonly subject: string;
}

let serial = 0;

/** A certificate whose common name tells which one it is. */
function listed(file: string, ...names: string[]): Listed {
  const subject = `${file}${serial++}`;
  const { pem } = testCertificate({ names: [subject, ...names] });
  return { path: path(`${file}.pem`), pem, names, subject };
}

class Haproxy {
  readonly #process: ChildProcess;

  private constructor(process: ChildProcess) {
    this.#process = process;
  }

  static async start(certificates: readonly Listed[]): Promise<Haproxy> {
    for (const each of certificates) writeFileSync(each.path, each.pem);
    writeFileSync(path("crt-list.txt"), renderCrtList(certificates));
    const lines = [
      "global",
      `    stats socket ${path("admin.sock")} level admin`,
      "defaults",
      "    mode http",
      "    timeout connect 1s",
      "    timeout client 5s",
      "    timeout server 1s",
      "frontend services",
      `    bind unix@${path("tls.sock")} ssl crt-list ${path("crt-list.txt")}`,
    ];
    writeFileSync(path("haproxy.cfg"), `${lines.join("\n")}\n`);
    const process = spawn("haproxy", ["-db", "-f", path("haproxy.cfg")], { stdio: "ignore" });
    running.add(process);
    const haproxy = new Haproxy(process);
    await expect.poll(() => haproxy.command("show version").catch(() => ""), { timeout: 10_000 }).toMatch(/^2|^3/);
    return haproxy;
  }

  stop(): Promise<void> {
    return stop(this.#process);
  }

  async command(line: string): Promise<string> {
    const socket = connect(path("admin.sock"));
    socket.end(`${line}\n`);
    let answer = "";
    for await (const chunk of socket) answer += chunk;
    return answer.trim();
  }

  async apply(step: CertificateStep): Promise<void> {
    const list = path("crt-list.txt");
    if (step.do === "remove") {
      expect(await this.command(`del ssl crt-list ${list} ${step.path}`)).toContain("deleted in crtlist");
      expect(await this.command(`del ssl cert ${step.path}`)).toContain("deleted!");
      return;
    }
    if (step.do === "add") expect(await this.command(`new ssl cert ${step.path}`)).toContain("New empty");
    expect(await this.command(`set ssl cert ${step.path} <<\n${step.pem}`)).toContain("Transaction");
    expect(await this.command(`commit ssl cert ${step.path}`)).toContain("Success!");
    if (step.do === "add") expect(await this.command(`add ssl crt-list ${list} ${step.path}`)).toContain("Success!");
  }

  /** The common name of the certificate that a client of `host` gets. */
  async answerFor(host: string): Promise<string> {
    const socket = connectTls({ path: path("tls.sock"), servername: host, rejectUnauthorized: false });
    await once(socket, "secureConnect");
    const { subject } = socket.getPeerCertificate();
    socket.destroy();
    return String(subject.CN);
  }
}

test("certificates are added, renewed and removed without a reload", async () => {
  const [a, b] = [listed("a", "a.test"), listed("b", "b.test")];
  const haproxy = await Haproxy.start([a, b]);
  const [renewed, c] = [listed("a", "a.test"), listed("c", "*.c.test")];
  for (const step of planCertificates([a, b], [renewed, c]) ?? []) await haproxy.apply(step);
  expect(await haproxy.answerFor("a.test")).toBe(renewed.subject);
  expect(await haproxy.answerFor("www.c.test")).toBe(c.subject);
  expect(await haproxy.answerFor("b.test")).toBe(renewed.subject);
  expect(await haproxy.answerFor("none.test")).toBe(renewed.subject);
});

test("HAProxy does not let go of its default, which is why that needs a reload", async () => {
  const [a, b] = [listed("a", "a.test"), listed("b", "b.test")];
  const haproxy = await Haproxy.start([a, b]);
  expect(planCertificates([a, b], [b])).toBeUndefined();
  expect(await haproxy.command(`del ssl crt-list ${path("crt-list.txt")} ${a.path}`)).toContain("used as default");
});

test("the longest certificate that is planned for passes HAProxy's buffer, a longer one does not", async () => {
  const a = listed("a", "a.test");
  const haproxy = await Haproxy.start([a]);
  const long = (length: number) => {
    let pem = a.pem;
    for (let i = 0; pem.length < length; i++) pem += testCertificate({ names: [`chain${i}`] }).certificate;
    return { ...a, pem };
  };
  const fitting = planCertificates([a], [long(14_300)]);
  expect(fitting).toHaveLength(1);
  for (const step of fitting ?? []) await haproxy.apply(step);
  expect(planCertificates([a], [long(17_000)])).toBeUndefined();
  expect(await haproxy.command(`set ssl cert ${a.path} <<\n${long(17_000).pem}`)).toBe("");
});

test("whatever changes, at run time or by a reload, each name is answered for as its list says", async () => {
  const hosts = ["x.test", "y.test", "z.test"];
  const random = randomFrom(7);
  const pick = () => {
    const files = ["b", "c", "d", "e"].filter(() => random() < 0.6);
    return (random() < 0.9 ? ["a", ...files] : files).map((file) => {
      const old = current.find((each) => each.path === path(`${file}.pem`));
      return old && random() < 0.6 ? old : listed(file, ...hosts.filter(() => random() < 0.5));
    });
  };
  let current: Listed[] = [listed("a", "x.test")];
  let haproxy = await Haproxy.start(current);
  let applied = 0;
  for (let i = 0; i < 40; i++) {
    const wanted = pick();
    const [fallback] = wanted;
    if (!fallback) continue;
    const steps = planCertificates(current, wanted);
    if (steps) for (const step of steps) await haproxy.apply(step);
    else {
      await haproxy.stop();
      haproxy = await Haproxy.start(wanted);
    }
    applied += steps?.length ?? 0;
    current = wanted;
    for (const host of hosts) {
      const holder = wanted.find(({ names }) => names.includes(host)) ?? fallback;
      expect(await haproxy.answerFor(host)).toBe(holder.subject);
    }
  }
  expect(applied).toBeGreaterThan(10);
});

/** Numbers from 0 to 1, the same in each run. */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1_103_515_245 + 12_345) % 2 ** 31;
    return state / 2 ** 31;
  };
}
