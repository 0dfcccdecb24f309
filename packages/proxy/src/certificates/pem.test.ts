import { createPrivateKey } from "node:crypto";
import { DomainError } from "@skep/model";
import fc from "fast-check";
import { expect, test } from "vitest";
import { dateWarning, parsePem } from "./pem.ts";
import { pemBlock, rsaKey, testCertificate } from "./test-certificates.ts";

const root = testCertificate({ names: ["root"] });
const middle = testCertificate({ names: ["middle"], issuer: root });
const web = testCertificate({ names: ["Web.example.com", "*.web.example.com"], issuer: middle });
const other = testCertificate({ names: ["other.example.com"] });

test("reads names and dates of the certificate that the key belongs to", () => {
  expect(parsePem(web.certificate + middle.certificate + web.key)).toEqual({
    pem: web.certificate + middle.certificate + web.key,
    readable: true,
    names: ["web.example.com", "*.web.example.com"],
    notBeforeMs: Date.UTC(2020, 0, 1),
    notAfterMs: Date.UTC(2049, 0, 1),
  });
});

test.each([
  ["the key first", web.key + web.certificate + middle.certificate + root.certificate, true],
  ["the key between", web.certificate + web.key + middle.certificate + root.certificate, true],
  ["the chain first", middle.certificate + root.certificate + web.certificate + web.key, false],
  ["the chain turned round", root.certificate + middle.certificate + web.certificate + web.key, false],
  ["a certificate twice", web.certificate + web.certificate + middle.certificate + root.certificate + web.key, true],
  [
    "text between",
    `subject=web\n\n${web.certificate}\n# chain\n${middle.certificate}${root.certificate}${web.key}`,
    true,
  ],
  ["Windows' line ends", (web.pem + middle.certificate + root.certificate).replaceAll("\n", "\r\n"), true],
  ["old Macs' line ends", (web.pem + middle.certificate + root.certificate).replaceAll("\n", "\r"), false],
  ["no line end at the end", (web.certificate + middle.certificate + root.certificate + web.key).trimEnd(), true],
  ["no line end between", web.certificate.trimEnd() + middle.certificate + root.certificate + web.key, false],
  ["a mark of the byte order", `\uFEFF${web.certificate}${middle.certificate}${root.certificate}${web.key}`, true],
  ["a NUL before it", `\0\n${web.certificate}${middle.certificate}${root.certificate}${web.key}`, false],
  ["indented lines", (web.pem + middle.certificate + root.certificate).replaceAll(/^/gm, "  "), false],
  [
    "long lines",
    (web.pem + middle.certificate + root.certificate).replaceAll(/([A-Za-z0-9+/=]{64})\n(?!-)/g, "$1"),
    true,
  ],
])("takes %s and puts everything in HAProxy's order", (_, text, readable) => {
  expect(parsePem(text)).toMatchObject({
    pem: web.certificate + middle.certificate + root.certificate + web.key,
    readable,
  });
});

test("keeps parameters for the exchange of keys, and nothing else", () => {
  const parameters = pemBlock("DH PARAMETERS", Buffer.from("p and g"));
  const curve = pemBlock("EC PARAMETERS", Buffer.from("a curve"));
  expect(parsePem(parameters + curve + other.pem).pem).toBe(other.pem + parameters);
});

const encrypted = createPrivateKey(other.key).export({
  type: "pkcs8",
  format: "pem",
  cipher: "aes-128-cbc",
  passphrase: "secret",
});
const weakKey = rsaKey(1024);
const encryptedOld = weakKey.export({ type: "pkcs1", format: "pem", cipher: "aes-128-cbc", passphrase: "secret" });

const refusals: readonly (readonly [string, string])[] = [
  ["hello", "it is not PEM: no line begins with -----BEGIN"],
  ["", "it is not PEM: no line begins with -----BEGIN"],
  [other.certificate, "its private key is missing; certificate, chain and key belong into one file"],
  [other.key, "it has no -----BEGIN CERTIFICATE-----"],
  [other.pem + web.key, "it has more than one private key"],
  [
    web.certificate + middle.certificate + other.key,
    "its private key does not belong to its certificate (CN=Web.example.com; CN=middle)",
  ],
  [
    other.certificate.slice(0, 300),
    "it has -----BEGIN CERTIFICATE----- without -----END CERTIFICATE-----: was it cut off?",
  ],
  [`${other.key}-----BEGIN CERTIFICATE`, "it has a -----BEGIN that is not followed by a name and -----"],
  [other.key + pemBlock("CERTIFICATE", Buffer.from("nonsense")), "its certificate number 1 cannot be read"],
  [other.certificate + pemBlock("PRIVATE KEY", Buffer.from("nonsense")), "its private key cannot be read"],
  [
    `${other.key}-----BEGIN CERTIFICATE-----\n<html>\n-----END CERTIFICATE-----`,
    "what follows -----BEGIN CERTIFICATE----- is not base64",
  ],
  [
    other.certificate + encrypted,
    "its private key is encrypted, and nobody can type the passphrase when HAProxy starts",
  ],
  [
    other.certificate + encryptedOld,
    "its private key is encrypted, and nobody can type the passphrase when HAProxy starts",
  ],
  [
    testCertificate({ names: ["weak"], key: weakKey }).pem,
    "the key of CN=weak has 1024 bits; at least 2048 are needed",
  ],
  [
    testCertificate({ names: ["weak"], key: other.privateKey, issuer: root, hash: "sha1" }).pem,
    "CN=weak is signed with ecdsa-with-SHA1, which is too weak",
  ],
  ["x".repeat(300_000), "it is longer than 256 kB"],
];

test.each(refusals.map(([text, reason]) => ({ text, reason })))("refuses a text: $reason", ({ text, reason }) => {
  expect(() => parsePem(text)).toThrow(new DomainError("invalid-parameter", `the certificate is refused: ${reason}`));
});

test("warns of a certificate that is out of date", () => {
  const old = parsePem(testCertificate({ names: ["old"], notAfter: "2021-03-01" }).pem);
  expect(dateWarning(old, Date.UTC(2026, 0, 1))).toBe("the certificate has expired on 2021-03-01");
  expect(dateWarning(old, Date.UTC(2019, 0, 1))).toBe("the certificate is not valid before 2020-01-01");
  expect(dateWarning(old, Date.UTC(2021, 0, 1))).toBeUndefined();
});

test("anything is either a bundle or refused with a reason", () => {
  const whole = web.certificate + middle.certificate + web.key;
  const cut = fc.tuple(fc.nat(whole.length), fc.nat(40), fc.string({ maxLength: 5 })).map(([at, length, put]) => {
    return whole.slice(0, at) + put + whole.slice(at + length);
  });
  const piece = fc.constantFrom(
    web.certificate,
    web.key,
    other.key,
    "-----BEGIN ",
    "-----END CERTIFICATE-----",
    "-----",
    "\n",
    "A",
  );
  const mixed = fc.array(piece, { maxLength: 8 }).map((pieces) => pieces.join(""));
  fc.assert(
    fc.property(fc.oneof(cut, mixed, fc.string()), (text) => {
      try {
        const { pem } = parsePem(text);
        expect(parsePem(pem)).toMatchObject({ pem, readable: true });
      } catch (error) {
        expect(error).toMatchObject({ name: "DomainError", code: "invalid-parameter" });
      }
    }),
    { numRuns: 1000 },
  );
});

test.each(["-----BEGIN A-----", "-----BEGIN ", "-----BEGIN A-----\n-----END A-----", "-"])(
  "a long text of %j is refused soon",
  (piece) => {
    const text = piece.repeat(Math.floor(250_000 / piece.length));
    const began = performance.now();
    expect(() => parsePem(text)).toThrow(DomainError);
    expect(performance.now() - began).toBeLessThan(2000);
  },
);
