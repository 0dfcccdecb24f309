import { createPrivateKey, webcrypto } from "node:crypto";
import type { Clock, Cluster } from "@skep/model";
import { toPem } from "./der.ts";

export type RootCa = Cluster["rootCa"];

const dayMs = 24 * 60 * 60 * 1000;
/** As Docker: twenty years of 365 days. */
const lifetimeMs = 20 * 365 * dayMs;
/** So that a node whose clock is a little behind takes it too. */
const backdateMs = 5 * 60 * 1000;

export const p256: webcrypto.EcKeyAlgorithm = { name: "ECDSA", namedCurve: "P-256" };
export const ecdsaSha256: webcrypto.EcdsaParams = { name: "ECDSA", hash: "SHA-256" };

/** A new certificate authority as Docker's: `CN=swarm-ca`, self-signed, ECDSA P-256. */
export async function createRootCa(clock: Clock): Promise<RootCa> {
  const x509 = await import("./x509.ts");
  const keys = await webcrypto.subtle.generateKey(p256, true, ["sign", "verify"]);
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    name: "CN=swarm-ca",
    keys,
    signingAlgorithm: ecdsaSha256,
    notBefore: new Date(clock.now() - backdateMs),
    notAfter: new Date(clock.now() - backdateMs + lifetimeMs),
    extensions: [
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      new x509.BasicConstraintsExtension(true, undefined, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  const pkcs8 = Buffer.from(await webcrypto.subtle.exportKey("pkcs8", keys.privateKey));
  return { certPem: toPem("CERTIFICATE", Buffer.from(certificate.rawData)), keyPem: toPem("PRIVATE KEY", pkcs8) };
}

/** The root's private key as the signing functions take it. */
export function signingKeyOf(rootCa: RootCa): Promise<webcrypto.CryptoKey> {
  const pkcs8 = createPrivateKey(rootCa.keyPem).export({ type: "pkcs8", format: "der" });
  return webcrypto.subtle.importKey("pkcs8", pkcs8, p256, false, ["sign"]);
}
