import { coherenceProblem } from "./coherence.ts";
import { givenDestinations } from "./destinations.ts";
import { type Found, Given, type GivenDestination, readDestinationValues, readServiceValues } from "./given.ts";
import { missing } from "./missing.ts";
import { ParameterError } from "./parameter-error.ts";
import type { DestinationValues, ServiceValues } from "./parameters.ts";
import { defaultParseContext, type ParseContext } from "./parse-context.ts";
import { parseGoBoolean } from "./plain-text.ts";
import type { Destination, ProxyService, User } from "./service.ts";
import { mergeUsers } from "./users.ts";

/**
 * The service that the parameters of a `reconfigure` ask for. Throws ParameterError: what is missing, in the original's
 * order and words, else what is malformed. Parameters it does not know are passed over, because listeners send every
 * label (`docker-flow-proxy.md` section 1.4). `httpsOnly` without suffix holds for every destination when it is true.
 */
export function parseService(parameters: URLSearchParams, context: ParseContext): ProxyService {
  const given = new Given(parameters);
  const httpsOnly = context.httpsOnly || isTrue(given.ofDestination("httpsOnly", 0));
  return serviceOf(given, givenDestinations(given), { ...context, httpsOnly });
}

const isTrue = (found: Found | undefined) => parseGoBoolean(found?.text.trim() ?? "") === true;

/** Throws ParameterError. */
export function serviceOf(
  given: Given,
  destinations: readonly GivenDestination[],
  context: ParseContext,
): ProxyService {
  const problem = missing(given, destinations[0], context);
  if (problem) throw new ParameterError(problem.status, problem.message, understood(given, destinations, context));
  const service = readService(given, destinations, context);
  const incoherence = coherenceProblem(service, context);
  if (incoherence !== undefined) throw new ParameterError(400, incoherence);
  return service;
}

/** A service of which nothing is known. */
export const nothingGiven: ProxyService = readService(new Given(new URLSearchParams()), [], defaultParseContext);

/** For the answer to a request that lacks something; nothing when what it has is malformed as well. */
function understood(...read: Parameters<typeof readService>): ProxyService | undefined {
  try {
    return readService(...read);
  } catch (error) {
    if (error instanceof ParameterError) return undefined;
    throw error;
  }
}

function readService(given: Given, destinations: readonly GivenDestination[], context: ParseContext): ProxyService {
  const { serviceDomainMatchAll, users, usersSecret, usersPassEncrypted, ...values } = readServiceValues(
    given,
    context,
  );
  return {
    ...values,
    serviceDomainAlgo: serviceDomainMatchAll ? "hdr_dom(host)" : values.serviceDomainAlgo,
    users: usersOf({ users, usersSecret, usersPassEncrypted }, context),
    destinations: destinations.map((destination) => {
      const read = readDestinationValues(destination, context);
      return destinationOf(destination.index, context.httpsOnly ? { ...read, httpsOnly: true } : read, values);
    }),
  };
}

function usersOf(
  { users, usersSecret, usersPassEncrypted }: Pick<ServiceValues, "users" | "usersSecret" | "usersPassEncrypted">,
  { globalUsers, readSecret }: ParseContext,
): readonly User[] | undefined {
  const secret = usersSecret === "" ? undefined : readSecret(`dfp_users_${usersSecret}`);
  return mergeUsers({ users, secretName: usersSecret, secret, encrypted: usersPassEncrypted, globalUsers });
}

function destinationOf(
  index: number,
  { reqPathSearchReplace, maxConn, allowedSrc, deniedSrc, ...values }: DestinationValues,
  { reqPathSearch, reqPathReplace }: Pick<ServiceValues, "reqPathSearch" | "reqPathReplace">,
): Destination {
  const deprecated = reqPathSearch === "" ? [] : [{ search: reqPathSearch, replace: reqPathReplace }];
  return {
    index,
    ...values,
    pathType: values.pathType || (values.reqMode === "sni" ? "req_ssl_sni -i" : "path_beg"),
    servicePath: pathsOf(values),
    rewrites: [...deprecated, ...reqPathSearchReplace],
    ...(maxConn === 0 ? {} : { maxConn }),
    ...(allowedSrc.length === 0 ? {} : { allowedSrc }),
    ...(deniedSrc.length === 0 ? {} : { deniedSrc }),
  };
}

type Matched = Pick<DestinationValues, "reqMode" | "servicePath" | "serviceDomain">;

/** A domain without a path has all paths. With sni the paths are names, so there the domains stand for themselves. */
function pathsOf({ reqMode, servicePath, serviceDomain }: Matched): readonly string[] {
  if (servicePath.length > 0 || serviceDomain.length === 0) return servicePath;
  if (reqMode !== "sni") return ["/"];
  return serviceDomain.some((domain) => domain.startsWith("*")) ? [] : serviceDomain;
}
