import { expect, test } from "vitest";
import type { WorkerStatistics } from "../runtime/worker-statistics.ts";
import { renderExposition } from "./exposition.ts";
import { ratesOf } from "./rates.ts";
import { statFamilies } from "./stat-families.ts";
import { parseStat } from "./stat-rows.ts";
import { StatTotals } from "./stat-totals.ts";

const header = "# pxname,svname,scur,smax,slim,stot,status,type,last_chk,hrsp_2xx,ttime,";
const csv = (...lines: string[]) => `${[header, ...lines].join("\n")}\n\n`;
const backend = (name: string, sessions: number, total: number) =>
  `${name},BACKEND,${sessions},9,,${total},UP,1,,${total},5,`;
const server = (name: string, total: number) =>
  `web-be,${name},0,1,,${total},UP 1/2,2,"L4CON: ""refused"", sorry",${total},5,`;

const newest = (pid: number, ...lines: string[]): WorkerStatistics => ({ pid, old: false, csv: csv(...lines) });
const old = (pid: number, ...lines: string[]): WorkerStatistics => ({ pid, old: true, csv: csv(...lines) });

const take = (totals: StatTotals, ...readings: WorkerStatistics[]) =>
  totals
    .take(readings)
    .map(({ proxy, server: name, values }) => `${proxy}/${name} ${values.get("scur")} ${values.get("stot")}`);

test("columns are found by the header, and quoted cells may have commas in them", () => {
  const { rows, failures } = parseStat(csv("services,FRONTEND,1,2,100,3,OPEN,0,,3,,", server("web.10.0.1.5", 7)));
  expect(failures).toBe(0);
  expect(rows.map(({ kind, proxy, server: name, status }) => [kind, proxy, name, status])).toEqual([
    ["frontend", "services", "", "OPEN"],
    ["server", "web-be", "web.10.0.1.5", "UP 1/2"],
  ]);
  expect(rows[1]?.values.get("hrsp_2xx")).toBe(7);
  expect(rows[0]?.values.has("ttime")).toBe(false);
});

test("a line that is cut off is counted", () => {
  expect(parseStat(csv("services,FRONTEND,1"))).toEqual({ rows: [], failures: 1 });
});

test("counters go on when a new worker begins at nothing, and when the old one ends", () => {
  const totals = new StatTotals();
  expect(take(totals, newest(1, backend("web-be", 2, 10)))).toEqual(["web-be/ 2 10"]);
  expect(take(totals, newest(2, backend("web-be", 1, 3)), old(1, backend("web-be", 1, 12)))).toEqual(["web-be/ 2 15"]);
  expect(take(totals, newest(2, backend("web-be", 1, 5)))).toEqual(["web-be/ 1 17"]);
  expect(take(totals, newest(3, backend("web-be", 0, 0)))).toEqual(["web-be/ 0 17"]);
});

test("a worker that does not answer keeps what it had counted, once", () => {
  const totals = new StatTotals();
  take(totals, newest(1, backend("web-be", 0, 10)));
  expect(take(totals, newest(2, backend("web-be", 0, 1)), { pid: 1, old: true, csv: undefined })).toEqual([
    "web-be/ 0 11",
  ]);
  expect(take(totals, newest(2, backend("web-be", 0, 1)), old(1, backend("web-be", 0, 12)))).toEqual(["web-be/ 0 13"]);
  expect(take(totals, { pid: 3, old: false, csv: undefined })).toEqual(["web-be/ 0 13"]);
  expect(take(totals)).toEqual(["web-be/ 0 13"]);
});

test("counters that HAProxy has cleared go on", () => {
  const totals = new StatTotals();
  take(totals, newest(1, backend("web-be", 0, 10)));
  expect(take(totals, newest(1, backend("web-be", 0, 2)))).toEqual(["web-be/ 0 12"]);
});

test("a service that was removed is forgotten", () => {
  const totals = new StatTotals();
  take(totals, newest(1, backend("web-be", 0, 10), backend("api-be", 0, 1)));
  expect(take(totals, newest(2, backend("api-be", 0, 0)))).toEqual(["api-be/ 0 1"]);
  expect(take(totals, newest(3, backend("web-be", 0, 0)))).toEqual(["web-be/ 0 0"]);
});

test("a server that was removed at run time is forgotten too, while its backend goes on", () => {
  const totals = new StatTotals();
  take(totals, newest(1, backend("web-be", 0, 10), server("one", 6)));
  expect(take(totals, newest(1, backend("web-be", 0, 11)))).toEqual(["web-be/ 0 11"]);
});

test("metrics have the names and labels of the original", () => {
  const { rows } = parseStat(
    csv("services,FRONTEND,1,2,100,3,OPEN,0,,3,,", backend("web-be", 1, 7), server('we"b', 7)),
  );
  const lines = renderExposition(statFamilies(rows)).split("\n");
  expect(lines).toContain("# TYPE haproxy_frontend_connections_total counter");
  expect(lines).toContain("# TYPE haproxy_backend_current_sessions gauge");
  expect(lines).toContain('haproxy_frontend_limit_sessions{frontend="services"} 100');
  expect(lines).toContain('haproxy_backend_http_responses_total{backend="web-be",code="2xx"} 7');
  expect(lines).toContain('haproxy_server_up{backend="web-be",server="we\\"b"} 1');
  expect(lines.some((line) => line.startsWith("haproxy_backend_limit_sessions{"))).toBe(false); // its cell is empty
});

test.for([
  ["UP", 1],
  ["UP 1/3", 1],
  ["OPEN", 1],
  ["no check", 1],
  ["DOWN", 0],
  ["DOWN 1/2", 0],
  ["MAINT", 0],
] as const)("a server that is %s is up: %i", ([status, up]) => {
  const { rows } = parseStat(csv(`web-be,one,0,0,,0,${status},2,,0,0,`));
  expect(renderExposition(statFamilies(rows))).toContain(`haproxy_server_up{backend="web-be",server="one"} ${up}\n`);
});

test("rates are what happened between two readings", () => {
  const before = parseStat(csv(backend("web-be", 1, 10), backend("api-be", 0, 5))).rows;
  const after = parseStat(csv(backend("web-be", 3, 30), backend("api-be", 0, 0), backend("new-be", 0, 8))).rows;
  expect(
    ratesOf(before, after, 2).map(({ proxy, perSecond, sessions }) => [proxy, perSecond.requests, sessions]),
  ).toEqual([
    ["web-be", 10, 3],
    ["api-be", 0, 0],
    ["new-be", 0, 0],
  ]);
});
