import { createPublicKey, generateKeyPairSync, type KeyObject, randomBytes, sign } from "node:crypto";

export interface TestCertificateOptions {
  /** DNS names; the first is the common name too. */
  readonly names: readonly string[];
  /** Self-signed by default. */
  readonly issuer?: TestCertificate;
  readonly key?: KeyObject;
  readonly hash?: "sha1" | "sha256";
  readonly notBefore?: string;
  readonly notAfter?: string;
}

export interface TestCertificate {
  readonly subject: string;
  readonly privateKey: KeyObject;
  /** PEM. */
  readonly certificate: string;
  /** PEM, PKCS #8. */
  readonly key: string;
  /** Certificate and key. */
  readonly pem: string;
}

/** A certificate for tests, made without openssl: RFC 5280, X.509 version 3. */
export function testCertificate({
  names: [subject = "", ...others],
  issuer,
  key = ecKey(),
  hash = "sha256",
  notBefore = "2020-01-01",
  notAfter = "2049-01-01",
}: TestCertificateOptions): TestCertificate {
  const signer = issuer?.privateKey ?? key;
  const algorithm = sequence(...(algorithms[`${signer.asymmetricKeyType} ${hash}`] ?? []));
  const names = [subject, ...others].map((name) => der(0x82, Buffer.from(name)));
  const extension = sequence(oid("551d11"), der(0x04, sequence(...names)));
  const body = sequence(
    der(0xa0, der(0x02, Buffer.from([2]))),
    der(0x02, Buffer.concat([Buffer.from([1]), randomBytes(8)])),
    algorithm,
    distinguishedName(issuer?.subject ?? subject),
    sequence(time(notBefore), time(notAfter)),
    distinguishedName(subject),
    createPublicKey(key as never).export({ type: "spki", format: "der" }),
    der(0xa3, sequence(extension)),
  );
  const signature = sign(hash, body, signer);
  const bytes = sequence(body, algorithm, der(0x03, Buffer.concat([Buffer.from([0]), signature])));
  const certificate = pemBlock("CERTIFICATE", bytes);
  const keyPem = key.export({ type: "pkcs8", format: "pem" }).toString();
  return { subject, privateKey: key, certificate, key: keyPem, pem: certificate + keyPem };
}

export const ecKey = (): KeyObject => generateKeyPairSync("ec", { namedCurve: "prime256v1" }).privateKey;
export const rsaKey = (bits: number): KeyObject => generateKeyPairSync("rsa", { modulusLength: bits }).privateKey;

export function pemBlock(label: string, bytes: Buffer): string {
  const lines = bytes.toString("base64").replace(/.{1,64}/g, "$&\n");
  return `-----BEGIN ${label}-----\n${lines}-----END ${label}-----\n`;
}

function der(tag: number, content: Buffer): Buffer {
  const { length } = content;
  const size = length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 255];
  return Buffer.concat([Buffer.from([tag, ...size]), content]);
}

const sequence = (...parts: readonly Buffer[]) => der(0x30, Buffer.concat(parts));
const oid = (hex: string) => der(0x06, Buffer.from(hex, "hex"));
const none = der(0x05, Buffer.alloc(0));

const algorithms: Readonly<Record<string, readonly Buffer[]>> = {
  "ec sha256": [oid("2a8648ce3d040302")],
  "ec sha1": [oid("2a8648ce3d0401")],
  "rsa sha256": [oid("2a864886f70d01010b"), none],
  "rsa sha1": [oid("2a864886f70d010105"), none],
};

const distinguishedName = (common: string) =>
  sequence(der(0x31, sequence(oid("550403"), der(0x0c, Buffer.from(common)))));

const time = (day: string) => der(0x18, Buffer.from(`${new Date(day).toISOString().replace(/[-:T]|\.\d+/g, "")}`));
