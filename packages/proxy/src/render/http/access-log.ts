import { format } from "../language/log-format.ts";
import type { RenderSettings } from "../settings.ts";

/** Text as a part of JSON. HAProxy writes `\/` for each slash; the backslash before a slash is always that one. */
const asJson = (variable: string) => String.raw`%[var(${variable}),json(utf8s),regsub(\x5c/,/,g)]`;

/**
 * A JSON object for each request: `t` seconds, `c` client, `fe` `be` `sv` frontend, backend and server, `m` method,
 * `h` host, `p` path, `st` status, `ts` how it ended, milliseconds `Tq` reading the request, `Tw` in the queue, `Tc`
 * connecting, `Tr` until the answer began, `Ta` in all; bytes `bi` in and `bo` out, `rc` retries.
 */
export const accessLogFormat =
  `{"t":%Ts.%ms,"c":"%ci","fe":"%ft","be":"%b","sv":"%s","m":"%HM","h":"${asJson("txn.log_host")}",` +
  `"p":"${asJson("txn.log_path")}","st":%ST,"ts":"%tsc","Tq":%TR,"Tw":%Tw,"Tc":%Tc,"Tr":%Tr,"Ta":%Ta,` +
  '"bi":%U,"bo":%B,"rc":"%rc"}';

/** Of `frontend services`. */
export function httpLogLines({ log, driver }: RenderSettings): string[] {
  if (!log.debug && !driver.accessLog) return [];
  if (log.httpFormat !== "")
    return ["option httplog", "log global", `log-format ${format("DEBUG_HTTP_FORMAT", log.httpFormat)}`];
  if (!driver.accessLog) return ["option httplog", "log global"];
  return [
    "log global",
    "http-request set-var(txn.log_host) req.fhdr(host)",
    "http-request set-var(txn.log_path) path",
    `log-format '${accessLogFormat}'`,
  ];
}
