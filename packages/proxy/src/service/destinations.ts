import type { Found, Given, GivenDestination } from "./given.ts";
import type { DestinationParameterName } from "./parameters.ts";

/** The highest suffix that is looked at. */
export const maxIndex = 10;

const identifying = ["servicePath", "port", "serviceDomain", "httpsPort"] as const;

/**
 * The destinations that the parameters name: those with suffix 1, 2, ... up to the first gap, for which values without
 * suffix are defaults; with none of them, the one without suffix (`docker-flow-proxy.md` section 1.4, index rules).
 */
export function givenDestinations(given: Given): GivenDestination[] {
  const indexed = withoutGap((index) => identifying.some((name) => isGiven(given.ofDestination(name, index))));
  const found = indexed.map((index) => destinationAt(given, index));
  if (found.length > 0) return found;
  if (identifying.some((name) => isGiven(given.ofDestination(name, 0)))) return [destinationAt(given, 0)];
  return [{ index: 0, find: (name) => (name === "reqMode" ? given.ofDestination(name, 0) : undefined) }];
}

const isGiven = (found: Found | undefined) => found !== undefined && found.text.trim() !== "";

const destinationAt = (given: Given, index: number): GivenDestination => ({
  index,
  find: (name) => given.ofDestination(name, index) ?? given.ofDestination(name, 0),
});

const withoutGap = (exists: (index: number) => boolean): number[] => {
  const all = Array.from({ length: maxIndex }, (_, i) => i + 1);
  const gap = all.findIndex((index) => !exists(index));
  return gap < 0 ? all : all.slice(0, gap);
};

/**
 * The destinations of a service in the environment: the one without suffix is one of them, and no default for the
 * others but for `outboundHostname`. One with a suffix needs a port, and unless it is tcp or sni a path or a domain
 * (`docker-flow-proxy.md` section 2, "Env-defined services").
 */
export function environmentDestinations(given: Given, standardReqMode: string): GivenDestination[] {
  const at = (name: DestinationParameterName, index: number) => given.ofDestination(name, index);
  const has = (name: DestinationParameterName, index: number) => isGiven(at(name, index));
  const isWhole = (index: number) =>
    (has("port", index) || has("httpsPort", index)) &&
    (has("servicePath", index) || has("serviceDomain", index) || /^(tcp|sni)$/i.test(at("reqMode", index)?.text ?? ""));
  const plain: GivenDestination = {
    index: 0,
    find: (name) =>
      at(name, 0) ?? (name === "reqMode" ? { name: "DEFAULT_PROTOCOL", text: standardReqMode } : undefined),
  };
  const indexed = withoutGap(isWhole).map(
    (index): GivenDestination => ({
      index,
      find: (name) => at(name, index) ?? (name === "outboundHostname" ? at(name, 0) : undefined),
    }),
  );
  const hasPlain = identifying.some((name) => has(name, 0));
  return hasPlain || indexed.length === 0 ? [plain, ...indexed] : indexed;
}
