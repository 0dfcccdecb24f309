import { X509Certificate } from "node:crypto";
import { type ClusterId, type NodeId, systemClock } from "@skep/model";
import { FakeClock } from "@skep/testkit";
import { beforeAll, expect, test } from "vitest";
import { createCsr } from "./create-csr.ts";
import { certificateExpiryMs, issueCertificate } from "./issue-certificate.ts";
import { identityOf } from "./node-identity.ts";
import { createRootCa, type RootCa } from "./root-ca.ts";
import { tlsInfo } from "./tls-info.ts";

const hourMs = 60 * 60 * 1000;
const clusterId = "rvpsvqx7owu5qh8lnz3omiipk" as ClusterId;
const nodeId = "68kftuy2etej4j0euu1oylxqu" as NodeId;
let rootCa: RootCa;

beforeAll(async () => {
  rootCa = await createRootCa(systemClock);
});

const issue = async (options: Partial<Parameters<typeof issueCertificate>[0]> = {}) => {
  const { csrPem } = await createCsr();
  const clock = new FakeClock();
  return issueCertificate({ csrPem, rootCa, nodeId, role: "worker", clusterId, expiryMs: hourMs, clock, ...options });
};

test("the root is a self-signed authority for twenty years with docker's subject", async () => {
  const clock = new FakeClock(Date.UTC(2026, 10, 23, 7, 26));
  const root = new X509Certificate((await createRootCa(clock)).certPem);
  expect(root.subject).toBe("CN=swarm-ca");
  expect(root.issuer).toBe("CN=swarm-ca");
  expect(root.ca).toBe(true);
  expect(root.verify(root.publicKey)).toBe(true);
  expect(root.publicKey.asymmetricKeyDetails?.namedCurve).toBe("prime256v1");
  expect(root.validFromDate.toISOString()).toBe("2026-11-23T07:21:00.000Z");
  expect(root.validToDate.toISOString()).toBe("2046-11-18T07:21:00.000Z");
});

test("a worker's certificate says who it is and is signed by the root", async () => {
  const certificate = new X509Certificate(await issue());
  const root = new X509Certificate(rootCa.certPem);
  expect(certificate.subject).toBe(`O=${clusterId}\nOU=swarm-worker\nCN=${nodeId}`);
  expect(certificate.subjectAltName).toBe(`DNS:swarm-worker, DNS:${nodeId}`);
  expect(certificate.keyUsage).toEqual(["1.3.6.1.5.5.7.3.1", "1.3.6.1.5.5.7.3.2"]);
  expect(certificate.ca).toBe(false);
  expect(certificate.checkIssued(root)).toBe(true);
  expect(certificate.verify(root.publicKey)).toBe(true);
  expect(identityOf(certificate)).toEqual({ nodeId, role: "worker", clusterId });
});

test("only a manager's certificate answers for the name swarm-manager", async () => {
  const manager = new X509Certificate(await issue({ role: "manager" }));
  expect(manager.subjectAltName).toBe(`DNS:swarm-manager, DNS:${nodeId}, DNS:swarm-ca`);
  expect(manager.checkHost("swarm-manager")).toBe("swarm-manager");
  expect(new X509Certificate(await issue()).checkHost("swarm-manager")).toBeUndefined();
  expect(identityOf(manager)?.role).toBe("manager");
});

test("a certificate begins an hour ago and lives as long as asked", async () => {
  const clock = new FakeClock(Date.UTC(2026, 0, 1, 12));
  const certificate = new X509Certificate(await issue({ clock, expiryMs: 48 * hourMs }));
  expect(certificate.validFromDate.toISOString()).toBe("2026-01-01T11:00:00.000Z");
  expect(certificate.validToDate.toISOString()).toBe("2026-01-03T12:00:00.000Z");
});

test("a cluster without an expiry gives its nodes 90 days", () => {
  expect(certificateExpiryMs({})).toBe(90 * 24 * hourMs);
  expect(certificateExpiryMs({ CAConfig: { NodeCertExpiry: 0 } })).toBe(90 * 24 * hourMs);
  expect(certificateExpiryMs({ CAConfig: { NodeCertExpiry: 172_800_000_000_000 } })).toBe(48 * hourMs);
});

test("a certificate holds the key of the request", async () => {
  const { csrPem, keyPem } = await createCsr();
  const certificate = new X509Certificate(await issue({ csrPem }));
  const { createPrivateKey } = await import("node:crypto");
  expect(certificate.checkPrivateKey(createPrivateKey(keyPem))).toBe(true);
});

test("a request that is no request, or not signed by its key, is refused", async () => {
  const { csrPem } = await createCsr();
  const der = Buffer.from(csrPem.replace(/-----[^-]+-----|\n/g, ""), "base64");
  der.writeUInt8(der.readUInt8(60) ^ 1, 60);
  const tampered = `-----BEGIN CERTIFICATE REQUEST-----\n${der.toString("base64")}\n-----END CERTIFICATE REQUEST-----\n`;
  for (const bad of ["", "garbage", csrPem.slice(0, 200), tampered, rootCa.certPem]) {
    await expect(issue({ csrPem: bad })).rejects.toThrow("certificate request is not valid");
  }
});

test("a subject that names no node of a swarm is nobody", () => {
  expect(identityOf(rootCa.certPem)).toBeUndefined();
});

test("the root is shown as docker shows it", () => {
  // From `GET /swarm` of docker 20.10.
  const root =
    "-----BEGIN CERTIFICATE-----\nMIIBaTCCARCgAwIBAgIUUy9K7U+dLLxunueSri/kjkZKVCEwCgYIKoZIzj0EAwIw\nEzERMA8GA1UEAxMIc3dhcm0tY2EwHhcNMjYxMTIzMDcyMTAwWhcNNDYxMTE4MDcy\nMTAwWjATMREwDwYDVQQDEwhzd2FybS1jYTBZMBMGByqGSM49AgEGCCqGSM49AwEH\nA0IABETUcFx5yuBndmPnef6ZvEQbyUIYRnIkVTmz2F4tcyOUsNhTTecUWUJUQrzS\n8cxkxOqP/QgvZmWuNbSJ5C5dN9ujQjBAMA4GA1UdDwEB/wQEAwIBBjAPBgNVHRMB\nAf8EBTADAQH/MB0GA1UdDgQWBBTalfKIK10/4CJbqgJWlWbMx0g83TAKBggqhkjO\nPQQDAgNHADBEAiAP9Qwrl7/8VJnOxS2csCuKYUuMoZmNlKTf5MPXYqMEhQIgRCXR\nHfItz9JoMxHoX4F3xUmybU8TVNeiaj1obveNnFU=\n-----END CERTIFICATE-----\n";
  expect(tlsInfo(root)).toEqual({
    TrustRoot: root,
    CertIssuerSubject: "MBMxETAPBgNVBAMTCHN3YXJtLWNh",
    CertIssuerPublicKey:
      "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAERNRwXHnK4Gd2Y+d5/pm8RBvJQhhGciRVObPYXi1zI5Sw2FNN5xRZQlRCvNLxzGTE6o/9CC9mZa41tInkLl032w==",
  });
});
