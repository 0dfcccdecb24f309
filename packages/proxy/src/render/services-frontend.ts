import { httpLogLines } from "./access-log.ts";
import { bindLine } from "./binds.ts";
import type { Block, Section } from "./config-text.ts";
import type { RenderInput } from "./input.ts";
import { literalFormat } from "./log-format.ts";
import { headerName, rawLine } from "./quote.ts";
import { noMap, type RouteMap, routeMap } from "./route-map.ts";
import { dummyRules } from "./service-backends.ts";
import type { ServicePlan } from "./service-plan.ts";
import type { ServicePlans } from "./service-plans.ts";
import type { RenderSettings } from "./settings.ts";
import { altersRoutes, continuation, type Snippet } from "./snippets.ts";
import { sourceAcl } from "./source-limits.ts";

export interface FrontendParts extends ServicePlans {
  readonly map: RouteMap;
  /** Users' rules, which come behind ours. */
  readonly snippets: readonly Snippet[];
  readonly crtList: string | undefined;
}

/** `frontend services`: what holds for all requests, the map, and the list of the services' rules. */
export function servicesFrontend({ settings }: RenderInput, parts: FrontendParts): Section {
  const { frontend } = settings;
  const binds = (ports: typeof frontend.bindPorts) => ports.map((port) => bindLine(port, settings, parts.crtList));
  const isHttp = frontend.mode === "http";
  const lines = [
    ...(parts.open ? binds(frontend.defaultPorts) : []),
    `mode ${frontend.mode}`,
    ...(isHttp ? requestLines(settings) : []),
    ...frontend.extra.map((line) => rawLine("EXTRA_FRONTEND", line)),
    ...(isHttp ? httpLogLines(settings) : []),
    ...binds(frontend.bindPorts),
    ...frontend.captures.map(
      ({ name, length }) => `capture request header ${headerName("CAPTURE_REQUEST_HEADER", name)} len ${length}`,
    ),
    ...parts.map.lines,
  ];
  return {
    header: "frontend services",
    blocks: [
      { lines: parts.isEmpty && parts.snippets.length === 0 ? [...lines, ...dummyRules] : lines },
      ...parts.plans.map(rulesBlock),
      ...parts.snippets.flatMap(continuation),
    ],
  };
}

/** None when something else of the frontend may change what the list would answer. */
export function mapOf(
  { settings, paths }: RenderInput,
  { plans, names }: ServicePlans,
  snippets: readonly Snippet[],
): RouteMap {
  const behind = snippets.flatMap(continuation).flatMap(({ lines }) => lines);
  const before = settings.frontend.extra.filter((line) => !line.startsWith("http-request"));
  const isOurs = (name: string) => names.isTaken("acl", name);
  const altered = [...behind, ...before].some((line) => typeof line === "string" && altersRoutes(line, isOurs));
  if (altered || settings.frontend.mode !== "http") return noMap;
  return routeMap(
    plans.flatMap(({ rules }) => rules.routes),
    paths.maps,
  );
}

const rulesBlock = ({ owner, compression, rules }: ServicePlan): Block => ({
  owners: [owner],
  lines: [...compression, ...rules.acls, ...rules.redirects, ...rules.uses],
});

/** What a request is refused for, and the headers that tell the services where it came from. */
function requestLines({ frontend, driver }: RenderSettings): string[] {
  return [
    ...forwardedLines(frontend.trustedProxies),
    "http-request deny deny_status 400 if HTTP_1.1 !{ req.hdr(host) -m found }",
    ...(driver.maxBodyBytes > 0
      ? [`http-request deny deny_status 413 if { req.body_size gt ${driver.maxBodyBytes} }`]
      : []),
    "http-request disable-l7-retry unless { method GET HEAD OPTIONS TRACE PUT DELETE }",
    ...(frontend.hsts === undefined
      ? []
      : [`http-response set-header Strict-Transport-Security ${literalFormat("HSTS", frontend.hsts)} if { ssl_fc }`]),
  ];
}

/** A client's own X-Forwarded-For is not believed; one from a trusted proxy is kept, and the proxy's address added. */
function forwardedLines(trustedProxies: readonly string[]): string[] {
  const acl = sourceAcl("trusted_proxy", "TRUSTED_PROXIES", trustedProxies);
  const removal =
    acl.length === 0
      ? ["http-request del-header X-Forwarded-For"]
      : [
          ...acl,
          "http-request del-header X-Forwarded-For unless trusted_proxy",
          "http-request del-header X-Forwarded-Proto unless trusted_proxy",
        ];
  return [...removal, "option forwardfor", "http-request add-header X-Forwarded-Proto https if { ssl_fc }"];
}
