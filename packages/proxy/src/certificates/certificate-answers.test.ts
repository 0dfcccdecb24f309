import { DomainError } from "@skep/model";
import { expect, test } from "vitest";
import { listCertificates, parseCertificatesAnswer, putCertificate, withoutKeys } from "./certificate-answers.ts";
import { parsePem } from "./pem.ts";
import { testCertificate } from "./test-certificates.ts";

const web = testCertificate({ names: ["web.example.com"], notAfter: "2027-01-01" });
const nowMs = Date.UTC(2026, 0, 1);

function storeOf(files: Record<string, string>) {
  return {
    folder: "/certs",
    put: async (name: string, text: string) => {
      const certificate = { path: `/certs/${name}`, ...parsePem(text) };
      files[name] = text;
      return certificate;
    },
    files: async () => Object.entries(files).map(([name, content]) => ({ name, content })),
  };
}

const putting = (certName: string | undefined, text: string, now = nowMs) =>
  putCertificate(storeOf({}), { certName, text, nowMs: now });

test("a certificate that is stored is answered with 200", async () => {
  expect(JSON.stringify(await putting("web.pem", web.pem))).toBe(
    '{"status":200,"body":{"Status":"OK","Message":"","Certs":null}}',
  );
});

test.each([
  [undefined, web.pem, "Query parameter certName is mandatory"],
  ["", "", "Query parameter certName is mandatory"],
  ["web.pem", "", "Body is empty"],
  ["web.pem", " \n", "Body is empty"],
  ["web.pem", "garbage", "the certificate is refused: it is not PEM: no line begins with -----BEGIN"],
])("putting %j is answered with 400", async (certName, text, Message) => {
  expect(await putting(certName, text)).toEqual({ status: 400, body: { Status: "NOK", Message, Certs: null } });
});

test("a certificate that has expired is stored with a warning", async () => {
  expect(await putting("web.pem", web.pem, Date.UTC(2028, 0, 1))).toEqual({
    status: 200,
    body: { Status: "OK", Message: "the certificate has expired on 2027-01-01", Certs: null },
  });
});

test("an error of the file system is answered with 400; a bug is not answered", async () => {
  const failing = (error: Error) => ({ put: async () => Promise.reject(error) });
  const full = Object.assign(new Error("ENOSPC: no space left on device, write"), { code: "ENOSPC", syscall: "write" });
  expect(await putCertificate(failing(full), { certName: "a", text: web.pem, nowMs })).toEqual({
    status: 400,
    body: { Status: "NOK", Message: "ENOSPC: no space left on device, write", Certs: null },
  });
  const bug = putCertificate(failing(new TypeError("bug")), { certName: "a", text: web.pem, nowMs });
  await expect(bug).rejects.toThrow("bug");
});

test("certificates are listed with their content", async () => {
  expect(await listCertificates(storeOf({ "web.pem": web.pem }), { redacted: false })).toEqual({
    status: 200,
    body: {
      Status: "OK",
      Message: "",
      Certs: [{ ServicePort: "", ProxyServiceName: "web.pem", CertsDir: "/certs", CertContent: web.pem }],
    },
  });
  expect((await listCertificates(storeOf({}), { redacted: false })).body.Certs).toEqual([]);
});

test("private keys are left out on demand", async () => {
  const { body } = await listCertificates(storeOf({ "web.pem": web.pem }), { redacted: true });
  const redacted = `${web.certificate}-----BEGIN PRIVATE KEY-----\n(redacted)\n-----END PRIVATE KEY-----\n`;
  expect(body.Certs?.[0]?.CertContent).toBe(redacted);
});

test.each([
  ["-----BEGIN RSA PRIVATE KEY-----\nDEK-Info: AES-128\n\nMII\n", "-----BEGIN RSA PRIVATE KEY-----\n(redacted)\n"],
  ["-----BEGIN PRIVATE KEY-----MII-----END", "-----BEGIN PRIVATE KEY-----\n(redacted)\n-----END"],
])("%j without keys is %j", (text, expected) => {
  expect(withoutKeys(text)).toBe(expected);
});

test("reads what another replica lists", async () => {
  const { body } = await listCertificates(storeOf({ "web.pem": web.pem }), { redacted: false });
  expect(parseCertificatesAnswer(JSON.stringify(body))).toEqual([{ name: "web.pem", content: web.pem }]);
  expect(parseCertificatesAnswer('{"Status":"OK","Message":"","Certs":null}')).toEqual([]);
});

test.each(["", "[]", "null", "{}", '{"Certs":5}', '{"Certs":[null]}', '{"Certs":[{"ProxyServiceName":1}]}'])(
  "%j is no list of certificates",
  (text) => {
    expect(() => parseCertificatesAnswer(text)).toThrow(
      new DomainError("unavailable", "the answer is no list of certificates"),
    );
  },
);
