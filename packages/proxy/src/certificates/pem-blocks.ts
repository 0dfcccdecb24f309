import { DomainError } from "@skep/model";

/** One `-----BEGIN ...-----` block of a PEM text. */
export interface PemBlock {
  /** `CERTIFICATE`, `RSA PRIVATE KEY`, ... */
  readonly label: string;
  /** The block in its usual form: lines of 64 characters, ended by `\n`. */
  readonly text: string;
  /** OpenSSL would find it: its first and its last line hold nothing else. */
  readonly readable: boolean;
}

const beginning = "-----BEGIN ";
const dashes = "-----";

/** The blocks of `text` in their order; what stands between them is skipped, as OpenSSL does. Throws when one is broken. */
export function parsePemBlocks(text: string): PemBlock[] {
  const blocks: PemBlock[] = [];
  let at = text.indexOf(beginning);
  while (at >= 0) {
    const labelEnd = text.indexOf(dashes, at + beginning.length);
    const label = text.slice(at + beginning.length, Math.max(labelEnd, 0));
    if (!/^[A-Z0-9 ]{1,40}$/.test(label)) throw broken("it has a -----BEGIN that is not followed by a name and -----");
    const ending = `-----END ${label}-----`;
    const end = text.indexOf(ending, labelEnd);
    if (end < 0) throw broken(`it has -----BEGIN ${label}----- without ${ending}: was it cut off?`);
    const readable =
      beginsLine(text, at) &&
      endsLine(text, labelEnd + dashes.length) &&
      beginsLine(text, end) &&
      endsLine(text, end + ending.length);
    blocks.push({ label, text: usualForm(label, text.slice(labelEnd + dashes.length, end)), readable });
    at = text.indexOf(beginning, end);
  }
  return blocks;
}

const beginsLine = (text: string, at: number) =>
  at === 0 || text[at - 1] === "\n" || (at === 1 && text[0] === "\uFEFF");

function endsLine(text: string, at: number): boolean {
  const rest = /[ \t\r]*(\n|$)/y;
  rest.lastIndex = at;
  return rest.test(text);
}

function usualForm(label: string, body: string): string {
  if (label === "ENCRYPTED PRIVATE KEY" || body.includes("4,ENCRYPTED")) {
    throw broken("its private key is encrypted, and nobody can type the passphrase when HAProxy starts");
  }
  const base64 = body.replace(/\s+/g, "");
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(base64)) throw broken(`what follows -----BEGIN ${label}----- is not base64`);
  return `-----BEGIN ${label}-----\n${base64.replace(/.{1,64}/g, "$&\n")}-----END ${label}-----\n`;
}

/** A reason against a certificate, for the operator. */
export const broken = (reason: string, options?: ErrorOptions) =>
  new DomainError("invalid-parameter", `the certificate is refused: ${reason}`, options);
