import type { Section } from "../config-text.ts";
import { bindLine, plainBind } from "../general/binds.ts";
import { format } from "../language/log-format.ts";
import type { RenderSettings } from "../settings.ts";
import type { StreamRoute } from "./stream-route.ts";

/** One frontend for each port, those in mode tcp first; `routes` are in the order of the services' aclNames. */
export function streamFrontends(routes: readonly StreamRoute[], settings: RenderSettings): Section[] {
  const byPort = Map.groupBy(routes, ({ mode, port }) => `${mode === "tcp" ? "tcpFE" : "service"}_${port}`);
  return [...byPort]
    .map(([name, onPort]) => ({ name, onPort, first: onPort[0] }))
    .sort((a, b) => rank(a.first) - rank(b.first) || (a.first?.port ?? 0) - (b.first?.port ?? 0))
    .flatMap(({ name, onPort, first }) => (first ? [streamFrontend(name, first, onPort, settings)] : []));
}

const rank = (route: StreamRoute | undefined) => (route?.mode === "tcp" ? 0 : 1);

function streamFrontend(
  name: string,
  first: StreamRoute,
  routes: readonly StreamRoute[],
  settings: RenderSettings,
): Section {
  const looks = routes.find(({ inspected }) => inspected !== undefined)?.inspected;
  const common = [bindLine(plainBind(first.port), settings, undefined), "mode tcp", ...logLines(first.mode, settings)];
  return {
    header: `frontend ${name}`,
    owners: [first.owner],
    blocks: [
      { lines: [...common, ...first.clientLines, ...(looks ? inspection(looks) : [])] },
      ...routes.map(({ owner, rules }) => ({ owners: [owner], lines: rules })),
    ],
  };
}

/** A rule cannot hold before the client has said what the rule looks at. */
const inspection = (looks: "tls" | "http"): string[] => [
  "tcp-request inspect-delay 5s",
  `tcp-request content accept if ${looks === "tls" ? "{ req_ssl_hello_type 1 }" : "HTTP"}`,
];

export function logLines(mode: "tcp" | "sni", { log, driver }: RenderSettings): string[] {
  if (!log.debug && !driver.accessLog) return [];
  const ownFormat =
    mode === "tcp" && log.tcpFormat !== "" ? [`log-format ${format("DEBUG_TCP_FORMAT", log.tcpFormat)}`] : [];
  return ["option tcplog", "log global", ...ownFormat];
}
