import type { Block, Section } from "../config-text.ts";
import { bindLine } from "../general/binds.ts";
import { altersRoutes, continuation, type Snippet } from "../general/snippets.ts";
import type { RenderInput } from "../input.ts";
import { headerName, rawLine } from "../language/quote.ts";
import { dummyRules } from "../plan/service-backends.ts";
import type { ServicePlan } from "../plan/service-plan.ts";
import type { ServicePlans } from "../plan/service-plans.ts";
import { noMap, type RouteMap, routeMap } from "../routes/route-map.ts";
import { httpLogLines } from "./access-log.ts";
import { requestLines } from "./request-lines.ts";

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
  const defaultBinds = parts.open ? binds(frontend.defaultPorts) : [];
  const ownBinds = binds(frontend.bindPorts);
  const isTls = [...defaultBinds, ...ownBinds, ...frontend.extra].some((line) => /^bind\s.*\sssl\b/.test(`${line}`));
  const lines = [
    ...defaultBinds,
    `mode ${frontend.mode}`,
    ...(isHttp ? requestLines(settings, isTls) : []),
    ...frontend.extra.map((line) => rawLine("EXTRA_FRONTEND", line)),
    ...(isHttp ? httpLogLines(settings) : []),
    ...ownBinds,
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
