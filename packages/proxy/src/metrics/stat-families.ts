import type { Family, Sample } from "./exposition.ts";
import type { StatField, StatRow } from "./stat-rows.ts";

type Kind = StatRow["kind"];

/** A metric of Docker Flow Proxy (docker-flow-proxy.md section 6): its name's end, and its column of `show stat`. */
type Metric = readonly [name: string, field: StatField, help: string];

const queue: readonly Metric[] = [
  ["current_queue", "qcur", "Requests that wait for a server."],
  ["max_queue", "qmax", "Most requests that have waited at a time."],
];
const sessions: readonly Metric[] = [
  ["current_sessions", "scur", "Sessions now."],
  ["max_sessions", "smax", "Most sessions at a time."],
  ["limit_sessions", "slim", "Most sessions allowed."],
  ["connections_total", "stot", "Sessions so far."],
  ["bytes_in_total", "bin", "Bytes of requests."],
  ["bytes_out_total", "bout", "Bytes of responses."],
];
const errors: readonly Metric[] = [
  ["connection_errors_total", "econ", "Connections to servers that failed."],
  ["response_errors_total", "eresp", "Responses of servers that failed."],
  ["retry_warnings_total", "wretr", "Connections to servers that were tried again."],
  ["redispatch_warnings_total", "wredis", "Requests that were sent to another server."],
];
const weight: Metric = ["weight", "weight", "Weight of the server, or of all servers that are up."];
const rate: readonly Metric[] = [
  ["current_session_rate", "rate", "Sessions in the last second."],
  ["max_session_rate", "rate_max", "Most sessions in a second."],
];

const metrics: Record<Kind, readonly Metric[]> = {
  frontend: [
    ...sessions,
    ["requests_denied_total", "dreq", "Requests that were denied."],
    ["request_errors_total", "ereq", "Requests that were no requests."],
    ...rate,
    ["limit_session_rate", "rate_lim", "Most sessions in a second allowed."],
    ["http_requests_total", "req_tot", "Requests so far."],
  ],
  backend: [...queue, ...sessions, ...errors, weight, ...rate],
  server: [
    ...queue,
    ...sessions,
    ...errors,
    weight,
    ["check_failures_total", "chkfail", "Health checks that failed."],
    ["downtime_seconds_total", "downtime", "Time that the server was down."],
    ...rate,
    ["check_duration_milliseconds", "check_duration", "Time that the last health check took."],
  ],
};

const codes = ["1xx", "2xx", "3xx", "4xx", "5xx", "other"];

/** HAProxy's counters under the names of Docker Flow Proxy, which are those of haproxy_exporter. */
export const statFamilies = (rows: readonly StatRow[]): Family[] =>
  (["frontend", "backend", "server"] as const).flatMap((kind) => {
    const own = rows.filter((row) => row.kind === kind);
    const prefix = `haproxy_${kind}`;
    return [
      ...metrics[kind].map(([name, field, help]) => family(`${prefix}_${name}`, help, valuesOf(own, field))),
      family(`${prefix}_http_responses_total`, "Responses by the first digit of their status.", responses(own)),
      ...(kind === "frontend" ? [] : [family(`${prefix}_up`, "Whether requests can be sent to it.", ups(own))]),
    ];
  });

const family = (name: string, help: string, samples: readonly Sample[]): Family => ({
  name,
  help,
  type: name.endsWith("_total") ? "counter" : "gauge",
  samples,
});

/** Rows whose cell is empty have no sample. */
const valuesOf = (rows: readonly StatRow[], field: StatField, more: Readonly<Record<string, string>> = {}): Sample[] =>
  rows.flatMap((row) => {
    const value = row.values.get(field);
    return value === undefined ? [] : [{ labels: { ...labelsOf(row), ...more }, value }];
  });

const responses = (rows: readonly StatRow[]): Sample[] =>
  codes.flatMap((code) => valuesOf(rows, `hrsp_${code}`, { code }));

const ups = (rows: readonly StatRow[]): Sample[] =>
  rows.map((row) => ({ labels: labelsOf(row), value: isUp(row.status) ? 1 : 0 }));

const isUp = (status: string) => /^(UP( \d+\/\d+)?|OPEN|no check)$/.test(status);

function labelsOf({ kind, proxy, server }: StatRow): Record<string, string> {
  switch (kind) {
    case "frontend":
      return { frontend: proxy };
    case "backend":
      return { backend: proxy };
    default:
      return { backend: proxy, server };
  }
}
