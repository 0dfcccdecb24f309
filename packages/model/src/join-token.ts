import { createHash, randomBytes } from "node:crypto";
import { DomainError } from "./errors.ts";

// `SWMTKN-1-<digest>-<secret>`, as swarmkit's `ca/config.go` makes it: the SHA-256 of the root certificate's PEM bytes
// and 16 random bytes, both as base-36 integers padded with zeros. Manager and joining node read it alike.

const digestLength = 50;
const secretLength = 25;
const pattern = new RegExp(`^SWMTKN-1-([0-9a-z]{${digestLength}})-([0-9a-z]{${secretLength}})$`);

export interface JoinToken {
  /** SHA-256 of the cluster's root certificate, 64 hexadecimal digits. */
  readonly caDigest: string;
  readonly secret: string;
}

/** Throws Docker's `invalid join token` for anything that has not exactly the form of one. */
export function parseJoinToken(token: string): JoinToken {
  const [, digest, secret] = pattern.exec(token) ?? [];
  const caDigest = digest && fromBase36(digest).toString(16).padStart(64, "0");
  if (!caDigest || !secret || caDigest.length > 64) throw new DomainError("internal", "invalid join token");
  return { caDigest, secret };
}

/** A new token for the cluster of this root certificate, with a fresh secret. */
export function newJoinToken(rootCaPem: string): string {
  const digest = toBase36(createHash("sha256").update(rootCaPem).digest(), digestLength);
  return `SWMTKN-1-${digest}-${toBase36(randomBytes(16), secretLength)}`;
}

/** SHA-256 of a root certificate's PEM bytes, its final newline included; what `JoinToken.caDigest` must equal. */
export const caDigestOf = (rootCaPem: string): string => createHash("sha256").update(rootCaPem).digest("hex");

const toBase36 = (bytes: Buffer, length: number): string =>
  BigInt(`0x${bytes.toString("hex")}`)
    .toString(36)
    .padStart(length, "0");

function fromBase36(digits: string): bigint {
  let value = 0n;
  for (const digit of digits) value = value * 36n + BigInt(Number.parseInt(digit, 36));
  return value;
}
