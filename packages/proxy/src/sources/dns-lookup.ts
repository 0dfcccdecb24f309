import { Resolver } from "node:dns/promises";

/** The IPv4 addresses of a name, none when it does not exist; rejects when no name server answers. */
export type LookUp = (name: string) => Promise<readonly string[]>;

/** Asks these name servers (`10.0.0.2` or `10.0.0.2:53`), or those of resolv.conf; the name is taken as it is. */
export function dnsLookUp(servers?: readonly string[]): LookUp {
  const resolver = new Resolver({ timeout: 1000, tries: 2 });
  if (servers && servers.length > 0) resolver.setServers(servers);
  return async (name) => {
    try {
      return await resolver.resolve4(name);
    } catch (error) {
      if (isAbsence(error)) return [];
      throw error;
    }
  };
}

/** NXDOMAIN, or a name without addresses. */
const isAbsence = (error: unknown): boolean =>
  error instanceof Error && "code" in error && (error.code === "ENOTFOUND" || error.code === "ENODATA");
