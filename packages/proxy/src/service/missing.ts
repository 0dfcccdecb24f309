import type { Given, GivenDestination } from "./given.ts";
import type { DestinationParameterName } from "./parameters.ts";
import type { ParseContext } from "./parse-context.ts";
import { splitList } from "./plain-text.ts";

interface Problem {
  readonly status: 400 | 409;
  readonly message: string;
}

/**
 * What a request lacks, with the status and the words of the original, in its order; only the first destination is
 * looked at (`docker-flow-proxy.md` section 1.4, "Sequence and status codes"). Values may still be malformed.
 */
export function missing(
  given: Given,
  first: GivenDestination | undefined,
  { separator }: ParseContext,
): Problem | undefined {
  const text = (name: DestinationParameterName) => first?.find(name)?.text.trim() ?? "";
  const has = (name: DestinationParameterName) => splitList(text(name), separator).length > 0;
  const hasPort = (name: "srcPort" | "httpsPort") => !/^0*$/.test(text(name));
  if ((given.ofService("serviceName")?.text.trim() ?? "") === "") {
    return { status: 400, message: "serviceName parameter is mandatory." };
  }
  if (/^(http)?$/i.test(text("reqMode"))) {
    if (!has("servicePath") && !has("serviceDomain")) {
      return { status: 409, message: "When using reqMode http, servicePath or serviceDomain are mandatory" };
    }
  } else if (/^(tcp|sni)$/i.test(text("reqMode")) && (!hasPort("srcPort") || text("port") === "")) {
    return {
      status: 400,
      message: "When NOT using reqMode http (e.g. tcp), srcPort and port parameters are mandatory.",
    };
  }
  if (text("port") === "" && !hasPort("httpsPort")) {
    return { status: 400, message: 'When MODE is set to "service" or "swarm", the port query is mandatory' };
  }
  return undefined;
}
