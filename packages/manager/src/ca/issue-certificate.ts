import {
  type Clock,
  type ClusterId,
  type ClusterSpec,
  millisecondsOf,
  type NodeId,
  type NodeRole,
  rpcError,
} from "@skep/model";
import { toPem } from "./der.ts";
import { unitOf } from "./node-identity.ts";
import { ecdsaSha256, type RootCa, signingKeyOf } from "./root-ca.ts";

/** As swarmkit's: a node whose clock is up to an hour behind takes the certificate too. */
const backdateMs = 60 * 60 * 1000;
const defaultExpiryMs = 90 * 24 * 60 * 60 * 1000;

/** How long node certificates of this cluster live; a spec without one means 90 days. */
export const certificateExpiryMs = (spec: ClusterSpec): number =>
  millisecondsOf(spec.CAConfig?.NodeCertExpiry ?? 0) || defaultExpiryMs;

export interface IssueOptions {
  readonly csrPem: string;
  readonly rootCa: RootCa;
  readonly nodeId: NodeId;
  readonly role: NodeRole;
  readonly clusterId: ClusterId;
  readonly expiryMs: number;
  readonly clock: Clock;
}

/**
 * A node's certificate, PEM. Of the request only the key is used, so nobody can ask to be somebody else. The DNS names
 * are swarmkit's: a client that asks for the name `swarm-manager` can be answered by managers only.
 */
export async function issueCertificate(options: IssueOptions): Promise<string> {
  const { rootCa, nodeId, clusterId, expiryMs, clock } = options;
  const x509 = await import("./x509.ts");
  const csr = await verifiedRequest(options.csrPem);
  const issuer = new x509.X509Certificate(rootCa.certPem);
  const unit = unitOf[options.role];
  const names = [unit, nodeId, ...(options.role === "manager" ? ["swarm-ca"] : [])];
  const certificate = await x509.X509CertificateGenerator.create({
    subject: [{ O: [clusterId] }, { OU: [unit] }, { CN: [nodeId] }],
    issuer: issuer.subjectName.toJSON(),
    publicKey: csr.publicKey,
    signingKey: await signingKeyOf(rootCa),
    signingAlgorithm: ecdsaSha256,
    notBefore: new Date(clock.now() - backdateMs),
    notAfter: new Date(clock.now() + expiryMs),
    extensions: [
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth, x509.ExtendedKeyUsage.clientAuth]),
      new x509.BasicConstraintsExtension(false, undefined, true),
      await x509.SubjectKeyIdentifierExtension.create(csr.publicKey),
      await x509.AuthorityKeyIdentifierExtension.create(issuer),
      new x509.SubjectAlternativeNameExtension(names.map((value) => ({ type: "dns", value }))),
    ],
  });
  return toPem("CERTIFICATE", Buffer.from(certificate.rawData));
}

/** Who asks must own the key, and it must be of the one kind that nodes make. */
async function verifiedRequest(csrPem: string) {
  const x509 = await import("./x509.ts");
  const invalid = (cause?: unknown) => rpcError("InvalidArgument", "certificate request is not valid", { cause });
  try {
    const csr = new x509.Pkcs10CertificateRequest(csrPem);
    const key = csr.publicKey.algorithm as { name: string; namedCurve?: string };
    if (key.name !== "ECDSA" || key.namedCurve !== "P-256" || !(await csr.verify())) throw invalid();
    return csr;
  } catch (error) {
    throw invalid(error);
  }
}
