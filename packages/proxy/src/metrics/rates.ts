import { rowKey, type StatField, type StatRow } from "./stat-rows.ts";

/** How a backend, a frontend or a server does now; times are averages over HAProxy's last 1024 requests. */
export interface Rates {
  readonly kind: StatRow["kind"];
  readonly proxy: string;
  readonly server: string;
  readonly status: string;
  /** All per second, over the time between two readings. */
  readonly perSecond: {
    readonly requests: number;
    /** By the first digit of the status. */
    readonly responses: Readonly<Record<"1xx" | "2xx" | "3xx" | "4xx" | "5xx" | "other", number>>;
    readonly bytesIn: number;
    readonly bytesOut: number;
    readonly connectionErrors: number;
    readonly responseErrors: number;
    readonly retries: number;
    readonly redispatches: number;
  };
  readonly sessions: number;
  readonly queued: number;
  readonly averageMs: {
    readonly queue: number;
    readonly connect: number;
    readonly response: number;
    readonly total: number;
  };
}

/** What happened between two readings that are `seconds` apart; a row without an earlier reading has no rates. */
export function ratesOf(before: readonly StatRow[], after: readonly StatRow[], seconds: number): Rates[] {
  const earlier = new Map(before.map((row) => [rowKey(row), row]));
  return after.map((row) => ratesOfRow(earlier.get(rowKey(row)), row, seconds));
}

function ratesOfRow(before: StatRow | undefined, row: StatRow, seconds: number): Rates {
  const now = (field: StatField) => row.values.get(field) ?? 0;
  const rate = (field: StatField) =>
    before && seconds > 0 ? Math.max(now(field) - (before.values.get(field) ?? 0), 0) / seconds : 0;
  return {
    kind: row.kind,
    proxy: row.proxy,
    server: row.server,
    status: row.status,
    perSecond: {
      requests: rate(row.values.has("req_tot") ? "req_tot" : "stot"),
      responses: {
        "1xx": rate("hrsp_1xx"),
        "2xx": rate("hrsp_2xx"),
        "3xx": rate("hrsp_3xx"),
        "4xx": rate("hrsp_4xx"),
        "5xx": rate("hrsp_5xx"),
        other: rate("hrsp_other"),
      },
      bytesIn: rate("bin"),
      bytesOut: rate("bout"),
      connectionErrors: rate("econ"),
      responseErrors: rate("eresp"),
      retries: rate("wretr"),
      redispatches: rate("wredis"),
    },
    sessions: now("scur"),
    queued: now("qcur"),
    averageMs: { queue: now("qtime"), connect: now("ctime"), response: now("rtime"), total: now("ttime") },
  };
}
