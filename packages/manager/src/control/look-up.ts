import { DomainError, isHidden, type Kind, type Network, type Objects } from "@skep/model";
import type { Reader } from "@skep/store";

type Named = "node" | "service" | "network" | "secret" | "config";

/**
 * The object a path or a filter means by `text`: its exact id, else its exact name (a node's hostname), else an id that
 * starts with it. Throws Docker's 404 when there is none, and its 400 when there are several (`swarm-api.md` 2.2).
 */
export function lookUp<K extends Named | "task">(reader: Reader, kind: K, text: string): Objects[K] {
  const exact = reader.get(kind, text);
  if (exact && isThere(kind, exact)) return exact;
  const named = kind === "task" ? [] : findByName(reader, kind as Named, text);
  const found = (named.length > 0 || text === "" ? named : reader.withIdPrefix(kind, text, 1000)) as Objects[K][];
  const matches = found.filter((each) => isThere(kind, each));
  const [only] = matches;
  if (!only) throw notFound(kind, text);
  if (matches.length > 1) {
    throw new DomainError("invalid-parameter", `${kind} ${text} is ambiguous (${matches.length} matches found)`);
  }
  return only;
}

export const notFound = (kind: Kind, text: string) => new DomainError("not-found", `${kind} ${text} not found`);

/** A removed network is kept for the nodes only. */
const isThere = <K extends Kind>(kind: K, object: Objects[K]): boolean =>
  kind !== "network" || !isHidden(object as Network);

/** Names are compared regardless of case; only hostnames of nodes may occur twice. */
const findByName = <K extends Named>(reader: Reader, kind: K, name: string): readonly Objects[K][] =>
  reader.find(kind, "name" as never, name.toLowerCase());
