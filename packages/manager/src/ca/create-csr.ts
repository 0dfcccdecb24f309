import { generateKeyPair, sign } from "node:crypto";
import { promisify } from "node:util";
import { element, tag, toPem } from "./der.ts";

/** What a node asks for a certificate with. */
export interface CertificateRequest {
  readonly csrPem: string;
  /** PKCS #8; stays on the node. */
  readonly keyPem: string;
}

const empty = Buffer.alloc(0);
const version1 = element(tag.integer, Buffer.from([0]));
/** `AlgorithmIdentifier` of ecdsa-with-SHA256, 1.2.840.10045.4.3.2 (RFC 5758). */
const ecdsaWithSha256 = Buffer.from("300a06082a8648ce3d040302", "hex");

/**
 * A new P-256 key and a request for a certificate of it (PKCS #10, RFC 2986). It names no subject: who the node is,
 * the CA decides. Written out here because every node makes one, and the X.509 library would cost it 23 MB for good.
 */
export async function createCsr(): Promise<CertificateRequest> {
  const { publicKey, privateKey } = await promisify(generateKeyPair)("ec", { namedCurve: "P-256" });
  const info = element(
    tag.sequence,
    version1,
    element(tag.sequence, empty),
    publicKey.export({ type: "spki", format: "der" }),
    element(tag.attributes, empty),
  );
  const signature = element(tag.bitString, Buffer.from([0]), sign("sha256", info, privateKey));
  return {
    csrPem: toPem("CERTIFICATE REQUEST", element(tag.sequence, info, ecdsaWithSha256, signature)),
    keyPem: privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
  };
}
