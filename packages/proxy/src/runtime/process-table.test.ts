import { expect, test } from "vitest";
import { restBeforeStart } from "./haproxy-process.ts";
import { parseProcessTable, surplusWorkers } from "./process-table.ts";
import { reloadState } from "./reload-state.ts";

const text = `#<PID>          <type>          <reloads>       <uptime>        <version>      
10296           master          3 [failed: 1]   0d00h01m02s     2.6.12-1+deb12u3
# workers
10400           worker          0               0d00h00m01s     2.6.12-1+deb12u3
# old workers
10299           worker          3               1d00h00m10s     2.6.12-1+deb12u3
10305           worker          1               0d00h00m05s     2.6.12-1+deb12u3
# programs

`;

const table = (reloads: number, failedReloads = 0, pid = 1) => ({
  master: { pid, reloads, failedReloads },
  workers: [],
  oldWorkers: [],
});

test("the master's table is read", () => {
  expect(parseProcessTable(text)).toEqual({
    master: { pid: 10296, reloads: 3, failedReloads: 1 },
    workers: [{ pid: 10400, reloads: 0, uptimeSeconds: 1 }],
    oldWorkers: [
      { pid: 10299, reloads: 3, uptimeSeconds: 86_410 },
      { pid: 10305, reloads: 1, uptimeSeconds: 5 },
    ],
  });
});

test("anything else is no table", () => {
  expect(parseProcessTable("Unknown command.\n")).toBeUndefined();
});

test("of too many old workers those go that have the fewest connections, then those that are oldest", () => {
  const parsed = parseProcessTable(text);
  expect(parsed && surplusWorkers(parsed, 1, new Map()).map(({ pid }) => pid)).toEqual([10299]);
  expect(parsed && surplusWorkers(parsed, 1, new Map([[10299, 500]])).map(({ pid }) => pid)).not.toContain(10299);
  expect(parsed && surplusWorkers(parsed, 2, new Map())).toEqual([]);
});

test.for([
  ["live", { generation: 8, table: undefined }],
  ["failed", { generation: 7, table: table(4, 1) }],
  ["lost", { generation: 7, table: table(3) }],
  ["under way", { generation: 7, table: table(4) }],
  ["under way", { generation: undefined, table: undefined }],
  ["under way", { generation: undefined, table: table(0, 0, 2) }],
] as const)("a reload is %s: %o", ([state, signs]) => {
  expect(reloadState(signs, 8, table(3))).toBe(state);
});

test("the first starts in vain are followed by others at once, later ones after ever longer rests", () => {
  expect([0, 1, 2, 3, 4, 20].map(restBeforeStart)).toEqual([0, 0, 100, 200, 400, 5000]);
});
