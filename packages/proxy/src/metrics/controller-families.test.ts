import { expect, test } from "vitest";
import { controllerFamilies } from "./controller-families.ts";
import { renderExposition } from "./exposition.ts";

const text = renderExposition(
  controllerFamilies({
    up: true,
    scrapes: 3,
    parseFailures: 0,
    version: "1.0",
    driver: {
      reloads: 2,
      failedReloads: 1,
      reloadSeconds: 0.25,
      runtimeChanges: 7,
      unexpectedAnswers: 0,
      checks: 4,
      failedChecks: 1,
      restarts: 0,
    },
    generation: 5,
    processes: {
      master: { pid: 1, reloads: 2, failedReloads: 0 },
      workers: [{ pid: 2, reloads: 0, uptimeSeconds: 1 }],
      oldWorkers: [],
    },
    services: { live: 10, rejected: 1 },
    changes: {},
    certificates: new Map([['x"y', 1.5e9]]),
  }),
);

test("the original's own metrics are there", () => {
  expect(text).toContain("# TYPE haproxy_up gauge\nhaproxy_up 1\n");
  expect(text).toContain("\nhaproxy_exporter_total_scrapes 3\n");
  expect(text).toContain("\nhaproxy_exporter_csv_parse_failures 0\n");
  expect(text).toContain('\nhaproxy_exporter_build_info{branch="",goversion="",revision="",version="1.0"} 1\n');
});

test("what the original lacks is there", () => {
  expect(text).toContain("\nskep_proxy_reloads_total 2\n");
  expect(text).toContain("\nskep_proxy_reload_seconds_sum 0.25\nskep_proxy_reload_seconds_count 2\n");
  expect(text).toContain('\nskep_proxy_services{state="rejected"} 1\n');
  expect(text).toContain('\nskep_proxy_workers{state="old"} 0\n');
  expect(text).toContain('\nskep_proxy_certificate_not_after_seconds{certificate="x\\"y"} 1500000000\n');
});

test("a metric without samples is left out", () => {
  expect(text).not.toContain("skep_proxy_changes_total");
});
