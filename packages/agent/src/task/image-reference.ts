/** The registry of names that do not tell one. */
const defaultRegistry = "docker.io";

/**
 * The short form of an image's name with its tag, as docker shows it: `alpine` is `alpine:latest`,
 * `docker.io/library/alpine:3` is `alpine:3` (moby: `reference.FamiliarString(TagNameOnly(ref))`).
 */
export function familiarImage(reference: string): string {
  if (isImageId(reference)) return reference;
  const [name = "", ...digest] = reference.split("@");
  const registry = registryOf(name);
  const path = name.startsWith(`${registry}/`) ? name.slice(registry.length + 1) : name;
  const short = registry === defaultRegistry || registry === "index.docker.io" ? path.replace(/^library\//, "") : name;
  const tagged = /:[^/]*$/.test(short) || digest.length > 0 ? short : `${short}:latest`;
  return [tagged, ...digest].join("@");
}

/** The registry an image comes from: `docker.io` unless the name starts with a host. */
export function registryOf(reference: string): string {
  const [first = "", ...rest] = reference.split("/");
  return rest.length > 0 && (/[.:]/.test(first) || first === "localhost") ? first : defaultRegistry;
}

/** Names one image for ever: there is nothing newer to pull. */
export const isDigested = (reference: string): boolean => reference.includes("@sha256:");

/** An image's own id, which no registry knows. */
export const isImageId = (reference: string): boolean => /^sha256:[0-9a-f]{64}$/.test(reference);
