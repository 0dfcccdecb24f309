import { aclNameOf, type ProxyService } from "../../service/service.ts";

/**
 * The order of services in `frontend services`, where HAProxy takes the first match: those with a path below
 * `/.well-known` first, those with the path `/` last, and by aclName (`docker-flow-proxy.md` 4.3).
 */
export const inRuleOrder = <T extends ProxyService>(services: readonly T[]): T[] =>
  services
    .map((service) => ({ service, rank: rankOf(service), name: aclNameOf(service) }))
    .sort((a, b) => a.rank - b.rank || compare(a.name, b.name) || compare(a.service.serviceName, b.service.serviceName))
    .map(({ service }) => service);

function rankOf({ destinations }: ProxyService): number {
  const paths = destinations.flatMap(({ servicePath }) => servicePath);
  if (paths.some((path) => /^\/\.well-known/i.test(path))) return 0;
  return paths.includes("/") ? 2 : 1;
}

/** By code unit, the same on every machine. */
export const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
