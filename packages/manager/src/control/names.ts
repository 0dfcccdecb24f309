import { rpcError } from "@skep/model";

// swarmkit's `^[a-zA-Z0-9](?:[-_]*[A-Za-z0-9]+)*$`, written so that no text makes it backtrack far.
const dnsName = /^[a-zA-Z0-9](?:[-_a-zA-Z0-9]*[a-zA-Z0-9])?$/;

/** The rule for names of services and networks, in swarmkit's words (`validateAnnotations`). */
export function validateDnsName(name: string | undefined): void {
  if (!name) throw rpcError("InvalidArgument", "meta: name must be provided");
  if (!dnsName.test(name)) throw rpcError("InvalidArgument", "name must be valid as a DNS name component");
  if (name.length > 63) throw rpcError("InvalidArgument", "name must be 63 characters or fewer");
}

// biome-ignore format: a word list
const adjectives = [
  "agile", "amber", "bold", "brave", "bright", "busy", "calm", "candid", "clever", "cosy", "curious", "daring", "eager",
  "early", "fair", "fond", "frank", "gentle", "glad", "golden", "hardy", "honest", "humble", "jolly", "keen", "kind",
  "lively", "loyal", "lucid", "merry", "mild", "modest", "nimble", "noble", "patient", "plucky", "polite", "proud",
  "quick", "quiet", "ready", "serene", "sharp", "silent", "smart", "steady", "sunny", "swift", "tidy", "vivid", "warm",
  "wise", "witty", "young", "zealous",
] as const;

// biome-ignore format: a word list
const surnames = [
  "abel", "babbage", "bohr", "boole", "butler", "cantor", "chisholm", "crane", "curie", "darwin", "dirac", "einstein",
  "erdos", "euclid", "euler", "faraday", "fermat", "fermi", "feynman", "fourier", "franklin", "frisch", "galileo",
  "gauss", "germain", "goodall", "hamilton", "hertz", "hopper", "huber", "hypatia", "johnson", "joule", "kepler",
  "lamarr", "langstroth", "leibniz", "lindauer", "lovelace", "maxwell", "meitner", "mendel", "merian", "newton",
  "noether", "pascal", "pauling", "planck", "ramanujan", "ride", "sagan", "shannon", "tesla", "turing", "volta", "wu",
] as const;

/** A name for a service that came without one: `adjective_surname`. `pick(n)` gives a whole number below n. */
export const inventName = (pick: (count: number) => number): string =>
  `${adjectives[pick(adjectives.length)]}_${surnames[pick(surnames.length)]}`;
