import type { Line } from "../config-text.ts";
import { sourceLimits } from "../general/source-limits.ts";
import { aclLines, filled } from "../language/acl.ts";
import { headerAlone, headerWithValue } from "../language/header-item.ts";
import { connectionOption, extraLines, timeoutLines } from "../language/phrases.ts";
import { word } from "../language/quote.ts";
import type { BackendPlan } from "../plan/backend-plan.ts";
import type { NamedDestination, ServiceContext } from "../plan/destination.ts";
import { serverPlan } from "../plan/servers.ts";
import { redirectCode } from "./redirects.ts";

/** Who is asked for a password: the service's own list of users, the proxy's, or nobody. */
export type Realm = { readonly list: string; readonly acl: string; readonly realm: string } | undefined;

/** `A-beP_I` or `https-A-beH_I`, in the order of `docker-flow-proxy.md` 4.5. */
export function httpBackend(
  context: ServiceContext,
  named: NamedDestination,
  realm: Realm,
  side: "http" | "https",
): BackendPlan {
  const { service, serviceName, input } = context;
  const { destination } = named;
  const isHttp = side === "http";
  const [name, port] = isHttp ? [named.backend, named.port] : [named.httpsBackend, named.httpsPort];
  const servers = serverPlan({ context, named, backend: name, port });
  const lines: Line[] = [
    "mode http",
    ...(isHttp && destination.httpsOnly
      ? [`http-request redirect scheme https${redirectCode(destination)} if !{ ssl_fc }`]
      : []),
    ...connectionOption("connectionMode", service.connectionMode),
    ...(input.settings.log.debug ? ["log global"] : []),
    ...headerLines(context),
    ...timeoutLines(destination, ["server", "tunnel"]),
    ...rewriteLines(named),
    ...(destination.verifyClientSsl ? clientCertificate(`valid_client_cert_${serviceName}${port}`) : []),
    ...methodLines(named),
    ...(isHttp && destination.denyHttp ? ["http-request deny if !{ ssl_fc }"] : []),
    ...sourceLimits(destination, "http-request deny"),
    ...servers.lines,
    ...(destination.ignoreAuthorization ? [] : authentication(realm)),
    ...extraLines(service.backendExtra),
  ];
  return { name, lines, byTask: servers.byTask };
}

function headerLines({ service }: ServiceContext): string[] {
  const valued = (rule: string, what: string, items: readonly string[]) =>
    filled(items).map((item) => `${rule} ${headerWithValue(what, item)}`);
  const named = (rule: string, what: string, items: readonly string[]) =>
    filled(items).map((item) => `${rule} ${headerAlone(what, item)}`);
  return [
    ...valued("http-request add-header", "addReqHeader", service.addReqHeader),
    ...valued("http-request set-header", "setReqHeader", service.setReqHeader),
    ...valued("http-response add-header", "addResHeader", service.addResHeader),
    ...valued("http-response set-header", "setResHeader", service.setResHeader),
    ...named("http-request del-header", "delReqHeader", service.delReqHeader),
    ...named("http-response del-header", "delResHeader", service.delResHeader),
  ];
}

const rewriteLines = ({ destination }: NamedDestination): string[] =>
  destination.rewrites
    .filter(({ search }) => search !== "")
    .map(({ search, replace }) => {
      const expression = `%[path,regsub(${argument(search)},${argument(replace)})]`;
      return `http-request set-path ${word("reqPathSearchReplace", expression)}`;
    });

/** An argument of a fetch or converter, quoted for the level of its brackets. */
function argument(text: string): string {
  if (/^[\w/.^$*+?|:;=@!&~<>-]*$/.test(text)) return text;
  return text.includes("'") ? `"${text.replace(/[\\"]/g, "\\$&")}"` : `'${text}'`;
}

const clientCertificate = (acl: string) => [`acl ${acl} ssl_c_used ssl_c_verify 0`, `http-request deny unless ${acl}`];

function methodLines({ destination }: NamedDestination): string[] {
  const allowed = aclLines("valid_allowed_method", "method", "allowedMethods", filled(destination.allowedMethods));
  const denied = aclLines("valid_denied_method", "method", "deniedMethods", filled(destination.deniedMethods));
  return [
    ...(allowed.length > 0 ? [...allowed, "http-request deny unless valid_allowed_method"] : []),
    ...(denied.length > 0 ? [...denied, "http-request deny if valid_denied_method"] : []),
  ];
}

const authentication = (realm: Realm): string[] =>
  realm === undefined
    ? []
    : [
        `acl ${realm.acl} http_auth(${realm.list})`,
        `http-request auth realm ${realm.realm} if !${realm.acl}`,
        "http-request del-header Authorization",
      ];
