import { X509Certificate } from "node:crypto";
import type { TlsInfo } from "@skep/model";
import { children } from "./der.ts";

/** A root certificate as the Engine API shows it (`GET /swarm`, `GET /nodes`). */
export function tlsInfo(rootCaPem: string): TlsInfo {
  const certificate = new X509Certificate(rootCaPem);
  return {
    TrustRoot: rootCaPem,
    CertIssuerSubject: subjectDer(certificate.raw).toString("base64"),
    CertIssuerPublicKey: certificate.publicKey.export({ type: "spki", format: "der" }).toString("base64"),
  };
}

/** `TBSCertificate` of RFC 5280: version, serial number, signature, issuer, validity, subject. */
function subjectDer(certificate: Buffer): Buffer {
  const [toBeSigned] = children(certificate);
  const subject = toBeSigned && children(toBeSigned)[5];
  if (!subject) throw new Error("certificate has no subject");
  return subject;
}
