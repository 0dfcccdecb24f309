import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import { broken, type PemBlock, parsePemBlocks } from "./pem-blocks.ts";

/** A certificate with its chain and key, known to fit together and to be taken by HAProxy. */
export interface PemBundle {
  /** Leaf, chain, key, in the order in which HAProxy wants them, without empty lines: these end a command of its runtime API. */
  readonly pem: string;
  /** The text it was read from may be given to HAProxy as it is. */
  readonly readable: boolean;
  /** The names it is shown for, in lower case; may begin with `*.`. */
  readonly names: readonly string[];
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
}

const longestText = 256 * 1024;

/**
 * Reads a certificate, its chain and its private key, in any order. Throws an `invalid-parameter` that says what is
 * wrong. Being out of date is not wrong: see `dateWarning`.
 */
export function parsePem(text: string): PemBundle {
  if (text.length > longestText) throw broken(`it is longer than ${longestText / 1024} kB`);
  const blocks = uniqueBlocks(parsePemBlocks(text));
  if (blocks.length === 0) throw broken("it is not PEM: no line begins with -----BEGIN");
  const keyBlock = onlyKeyOf(blocks);
  const certificates = certificatesOf(blocks);
  const leaf = leafOf(certificates, keyOf(keyBlock));
  for (const { x509 } of certificates) refuseWeak(x509);
  const chain = chainOf(leaf, certificates);
  const parameters = blocks.filter(({ label }) => label === "DH PARAMETERS");
  return {
    pem: [...chain, keyBlock, ...parameters].map((block) => block.text).join(""),
    readable:
      !text.includes("\0") &&
      blocks.every((block) => block.readable) &&
      chain.every((each, i) => each === certificates[i]),
    names: namesOf(leaf.x509),
    notBeforeMs: leaf.x509.validFromDate.getTime(),
    notAfterMs: leaf.x509.validToDate.getTime(),
  };
}

/** What is wrong with the dates of a certificate; HAProxy takes it all the same, browsers do not. */
export function dateWarning(bundle: Pick<PemBundle, "notBeforeMs" | "notAfterMs">, nowMs: number): string | undefined {
  const day = (ms: number) => new Date(ms).toISOString().slice(0, 10);
  if (nowMs > bundle.notAfterMs) return `the certificate has expired on ${day(bundle.notAfterMs)}`;
  if (nowMs < bundle.notBeforeMs) return `the certificate is not valid before ${day(bundle.notBeforeMs)}`;
  return undefined;
}

type Parsed = PemBlock & { readonly x509: X509Certificate };

const isKey = ({ label }: PemBlock) => label.endsWith("PRIVATE KEY");

const uniqueBlocks = (blocks: readonly PemBlock[]): PemBlock[] => [
  ...new Map(blocks.map((block) => [block.text, block])).values(),
];

function onlyKeyOf(blocks: readonly PemBlock[]): PemBlock {
  const [key, another] = blocks.filter(isKey);
  if (!key) throw broken("its private key is missing; certificate, chain and key belong into one file");
  if (another) throw broken("it has more than one private key");
  return key;
}

function keyOf({ text }: PemBlock): KeyObject {
  try {
    return createPrivateKey(text);
  } catch (cause) {
    throw broken("its private key cannot be read", { cause });
  }
}

function certificatesOf(blocks: readonly PemBlock[]): Parsed[] {
  const found = blocks.filter(({ label }) => label === "CERTIFICATE" || label === "X509 CERTIFICATE");
  if (found.length === 0) throw broken("it has no -----BEGIN CERTIFICATE-----");
  return found.map((block, i) => {
    try {
      const x509 = new X509Certificate(block.text);
      return x509.publicKey && { ...block, x509 }; // a key of an unknown kind throws here
    } catch (cause) {
      throw broken(`its certificate number ${i + 1} cannot be read`, { cause });
    }
  });
}

function leafOf(certificates: readonly Parsed[], key: KeyObject): Parsed {
  const leaf = certificates.find(({ x509 }) => x509.checkPrivateKey(key));
  if (leaf) return leaf;
  const subjects = certificates.map(({ x509 }) => x509.subject.replaceAll("\n", ", ")).join("; ");
  throw broken(`its private key does not belong to its certificate (${subjects})`);
}

/** Debian's OpenSSL refuses them when HAProxy loads the file (security level 2). */
function refuseWeak(x509: X509Certificate): void {
  const name = x509.subject.replaceAll("\n", ", ");
  const bits = x509.publicKey.asymmetricKeyDetails?.modulusLength;
  if (bits !== undefined && bits < 2048) throw broken(`the key of ${name} has ${bits} bits; at least 2048 are needed`);
  const signed = x509.subject !== x509.issuer;
  if (signed && /(md5|sha1)(?!\d)/i.test(x509.signatureAlgorithm ?? "")) {
    throw broken(`${name} is signed with ${x509.signatureAlgorithm}, which is too weak`);
  }
}

/** The leaf, then each certificate's issuer; what does not belong to the chain keeps its order after it. */
function chainOf(leaf: Parsed, certificates: readonly Parsed[]): Parsed[] {
  const chain = [leaf];
  const others = certificates.filter((each) => each !== leaf);
  for (let last: Parsed | undefined = leaf; last; ) {
    const { x509 }: Parsed = last;
    const issuer = others.findIndex((each) => x509.checkIssued(each.x509));
    [last] = issuer < 0 ? [] : others.splice(issuer, 1);
    if (last) chain.push(last);
  }
  return [...chain, ...others];
}

/** As HAProxy: the DNS names of the extension, and the common name. */
function namesOf({ subject, subjectAltName = "" }: X509Certificate): string[] {
  const common = (subject ?? "").split("\n").filter((part) => part.startsWith("CN="));
  const alternative = subjectAltName.split(", ").filter((part) => part.startsWith("DNS:"));
  const names = [...alternative.map((part) => part.slice(4)), ...common.map((part) => part.slice(3))];
  return [...new Set(names.filter((name) => /^[\w*.-]+$/.test(name)).map((name) => name.toLowerCase()))];
}
