import { DomainError } from "@skep/model";

const invalid = (message: string) => new DomainError("invalid-parameter", message);
const truths = new Set(["1", "t", "T", "TRUE", "true", "True"]);
const falsehoods = new Set(["0", "f", "F", "FALSE", "false", "False"]);

/** The `version` of an update, which must be given. `kind` goes into Docker's message. */
export function versionOf(query: URLSearchParams, kind: "service" | "node" | "swarm"): number {
  const text = query.get("version") ?? "";
  const problem = /^\d+$/.test(text) ? (BigInt(text) < 2n ** 64n ? undefined : "value out of range") : "invalid syntax";
  if (problem === undefined) return Number(text);
  throw invalid(`invalid ${kind} version '${text}': strconv.ParseUint: parsing ${JSON.stringify(text)}: ${problem}`);
}

/** A flag that Go parses strictly; absent or empty is false. */
export function strictFlag(query: URLSearchParams, name: string): boolean {
  const text = query.get(name) ?? "";
  if (text === "" || falsehoods.has(text)) return false;
  if (truths.has(text)) return true;
  throw invalid(
    `invalid value for ${name}: ${text}: strconv.ParseBool: parsing ${JSON.stringify(text)}: invalid syntax`,
  );
}

/** The rotation flags of `/swarm/update`: the same, with a shorter complaint. */
export function rotateFlag(query: URLSearchParams, name: string): boolean {
  const text = query.get(name) ?? "";
  if (text !== "" && !truths.has(text) && !falsehoods.has(text)) throw invalid(`invalid value for ${name}: ${text}`);
  return truths.has(text);
}

/** A flag in the engine's older, lenient reading: anything but a few words for no is yes. */
export const lenientFlag = (query: URLSearchParams, name: string): boolean =>
  !["", "0", "no", "false", "none"].includes((query.get(name) ?? "").trim().toLowerCase());
