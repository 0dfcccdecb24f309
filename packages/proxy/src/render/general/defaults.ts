import type { Section } from "../config-text.ts";
import type { RenderInput } from "../input.ts";
import { compressionLines, connectionOption } from "../language/phrases.ts";
import { phrase, seconds, word } from "../language/quote.ts";
import { statisticsLines } from "./statistics.ts";

/** Answers of HAProxy's own that have a page in the folder of error files. */
export const errorCodes = [400, 403, 405, 408, 429, 500, 502, 503, 504] as const;

/**
 * The defaults of the sections behind it. With `backup`, servers that do not say otherwise are used only while there is
 * no other: those named after a service, beside those of its tasks.
 */
export function defaultsSection({ settings, paths }: RenderInput, { backup }: { readonly backup: boolean }): Section {
  const { defaults, driver, statistics } = settings;
  const lines = [
    ...(backup ? [] : ["# The servers below are used as they are, not only while there are no tasks."]),
    "mode http",
    "balance roundrobin",
    ...compressionLines(defaults),
    ...unlogged(settings),
    ...connectionOption("CONNECTION_MODE", defaults.connectionMode),
    "option redispatch 1",
    `retries ${driver.retries}`,
    `retry-on ${phrase("RETRY_ON", defaults.retryOn)}`,
    "http-reuse safe",
    "load-server-state-from-file global",
    `default-server init-addr ${phrase("initAddr", driver.initAddr)}`,
    "default-server resolvers docker resolve-prefer ipv4",
    ...(backup ? ["default-server backup"] : []),
    ...errorFiles(paths.errorFiles),
    `maxconn ${driver.maxConnections}`,
    ...timeoutLines(defaults.timeouts),
    ...(statistics && !hasOwnPort(statistics) ? statisticsLines(statistics) : []),
  ];
  return { header: "defaults", blocks: [{ lines }] };
}

export const hasOwnPort = ({ port }: { readonly port: number | undefined }): boolean =>
  port !== undefined && port !== 80;

/** What is not logged: everything that goes well, unless requests are logged. */
function unlogged({ log, driver }: RenderInput["settings"]): string[] {
  if (log.debug) return log.errorsOnly ? ["option dontlog-normal"] : [];
  return ["option dontlognull", ...(driver.accessLog ? [] : ["option dontlog-normal"])];
}

const errorFiles = (folder: string | undefined): string[] =>
  folder === undefined
    ? []
    : errorCodes.map((code) => `errorfile ${code} ${word("errorFiles", `${folder}/${code}.http`)}`);

function timeoutLines(timeouts: RenderInput["settings"]["defaults"]["timeouts"]): string[] {
  const { connect, client, server, queue, tunnel, httpRequest, httpKeepAlive } = timeouts;
  const lines = {
    connect,
    client,
    server,
    queue,
    tunnel,
    "http-request": httpRequest,
    "http-keep-alive": httpKeepAlive,
  };
  return [
    ...Object.entries(lines).map(([name, value]) => `timeout ${name} ${seconds(`timeout ${name}`, value)}`),
    "timeout client-fin 10s",
  ];
}
