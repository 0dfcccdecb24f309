const component = "[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*";
const domainLabel = "(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])";
const host = `(?:${domainLabel}(?:\\.${domainLabel})*|\\[[a-fA-F0-9:]+\\])(?::[0-9]+)?`;
const tag = "[\\w][\\w.-]{0,127}";
const digest = "[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}";

const domainOnly = new RegExp(`^${host}$`);
const pathOnly = new RegExp(`^${component}(?:/${component})*$`);
const suffix = new RegExp(`^(?:${tag})?$`);
const digestOnly = new RegExp(`^${digest}$`);
const longestName = 255;
const longestReference = 4096;

/**
 * Whether a text names an image, as `ParseNormalizedNamed` of distribution/reference has it: `[host/]path[:tag][@digest]`.
 * Taken apart before matching, so that no text makes the expressions backtrack far.
 */
export function isImageReference(text: string): boolean {
  if (text.length > longestReference || /^[a-f0-9]{64}$/.test(text)) return false;
  const [named = "", hash, ...rest] = text.split("@");
  if (rest.length > 0 || (hash !== undefined && !digestOnly.test(hash))) return false;
  const slash = named.lastIndexOf("/");
  const colon = named.indexOf(":", slash + 1);
  const name = colon < 0 ? named : named.slice(0, colon);
  if (colon >= 0 && (colon === named.length - 1 || !suffix.test(named.slice(colon + 1)))) return false;
  return isRepositoryName(name);
}

function isRepositoryName(name: string): boolean {
  if (name.length > longestName) return false;
  const slash = name.indexOf("/");
  const first = slash < 0 ? "" : name.slice(0, slash);
  // Without a dot or a port the first part is a host only if it is `localhost` or has capitals, as in Docker.
  const isHost = /[.:]/.test(first) || first === "localhost" || first !== first.toLowerCase();
  return isHost ? domainOnly.test(first) && pathOnly.test(name.slice(slash + 1)) : pathOnly.test(name);
}
