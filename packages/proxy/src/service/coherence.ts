import { checkDomain } from "./checks.ts";
import { malformed } from "./parameter-error.ts";
import type { ParseContext } from "./parse-context.ts";
import { quoted } from "./plain-text.ts";
import type { Destination, ProxyService } from "./service.ts";

/** Why values that are proper one by one do not go together; undefined when they do. */
export function coherenceProblem(service: ProxyService, context: ParseContext): string | undefined {
  const algo = service.serviceDomainAlgo || context.serviceDomainAlgo;
  for (const destination of service.destinations) {
    const problem = destinationProblem(destination) ?? domainProblem(destination, algo);
    if (problem !== undefined) return problem;
  }
  return certificateProblem(service);
}

const named = (name: string, { index }: Destination) => (index === 0 ? name : `${name}.${index}`);

/** The first destination has been seen to by `missing`; those after it are not to break the config either. */
function destinationProblem(destination: Destination): string | undefined {
  const { reqMode, port, httpsPort, srcPort, servicePath } = destination;
  if (reqMode === "http") {
    if (servicePath.length > 0 || (port === "" && httpsPort === 0)) return redirectProblem(destination);
    return `${named("servicePath", destination)} or ${named("serviceDomain", destination)} is mandatory with reqMode http`;
  }
  if (port === "") return `${named("port", destination)} is mandatory with reqMode ${reqMode}`;
  if (srcPort === 0) return `${named("srcPort", destination)} is mandatory with reqMode ${reqMode}`;
  if (reqMode === "tcp" || servicePath.length > 0) return undefined;
  return `${named("servicePath", destination)} is mandatory with reqMode sni: the names that clients ask for`;
}

function redirectProblem(destination: Destination): string | undefined {
  const [to] = destination.serviceDomain;
  if (destination.redirectFromDomain.length === 0 || (to !== undefined && !to.startsWith("*"))) return undefined;
  const from = named("redirectFromDomain", destination);
  return to === undefined
    ? `${from} needs ${named("serviceDomain", destination)}, to which it redirects`
    : `${from} redirects to the first serviceDomain, which must not be ${quoted(to)}`;
}

/** With an algorithm that takes expressions, a domain may be anything without blanks. */
function domainProblem(destination: Destination, algo: string): string | undefined {
  const hosts = /reg/.test(algo) ? [] : destination.serviceDomain;
  for (const [name, domains] of [
    ["serviceDomain", hosts],
    ["redirectFromDomain", destination.redirectFromDomain],
  ] as const) {
    const wrong = domains.find((domain) => checkDomain(domain) !== undefined);
    if (wrong !== undefined) return malformed(named(name, destination), wrong, checkDomain(wrong) ?? "").message;
  }
  return undefined;
}

/** The certificate's file is named after the first domain. */
function certificateProblem({ serviceCert, destinations }: ProxyService): string | undefined {
  const domain = destinations[0]?.serviceDomain[0] ?? "";
  if (serviceCert === "" || checkDomain(domain || "none") === undefined) return undefined;
  return `serviceCert needs a host name as first serviceDomain, which names its file, not ${quoted(domain)}`;
}
