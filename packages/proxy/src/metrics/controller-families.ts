import type { DriverCounts } from "../runtime/applied.ts";
import type { ProcessTable } from "../runtime/process-table.ts";
import type { Family, Sample } from "./exposition.ts";

/** What the controller knows of itself when it is asked for its metrics. */
export interface ControllerNumbers {
  /** HAProxy answered. */
  readonly up: boolean;
  /** Times that metrics were asked for, this one too. */
  readonly scrapes: number;
  readonly parseFailures: number;
  readonly version: string;
  readonly driver: DriverCounts;
  readonly generation: number;
  readonly processes: ProcessTable | undefined;
  /** By state: `live`, `rejected`, `waiting`, ... */
  readonly services: Readonly<Record<string, number>>;
  /** Requests to change services, by what became of them: `applied`, `rejected`, ... */
  readonly changes: Readonly<Record<string, number>>;
  /** When each certificate ends, seconds since the epoch, by its name. */
  readonly certificates: ReadonlyMap<string, number>;
}

/** The metrics of the original that are not HAProxy's, and what the original lacks. */
export function controllerFamilies(numbers: ControllerNumbers): Family[] {
  const { driver, processes } = numbers;
  return [
    gauge("haproxy_up", "Whether HAProxy answered.", numbers.up ? 1 : 0),
    counter("haproxy_exporter_total_scrapes", "Times that metrics were asked for.", numbers.scrapes),
    counter("haproxy_exporter_csv_parse_failures", "Lines of HAProxy that were not understood.", numbers.parseFailures),
    buildInfo(numbers.version),
    counter("skep_proxy_reloads_total", "Reloads of HAProxy.", driver.reloads),
    counter("skep_proxy_failed_reloads_total", "Reloads that left the old config running.", driver.failedReloads),
    reloadTimes(driver),
    counter("skep_proxy_runtime_changes_total", "Changes without a reload.", driver.runtimeChanges),
    counter("skep_proxy_runtime_refusals_total", "Runtime changes that became reloads.", driver.unexpectedAnswers),
    counter("skep_proxy_checks_total", "Configs that HAProxy was asked about.", driver.checks),
    counter("skep_proxy_failed_checks_total", "Configs that HAProxy refused.", driver.failedChecks),
    counter("skep_proxy_haproxy_restarts_total", "Starts of HAProxy after it had ended by itself.", driver.restarts),
    gauge("skep_proxy_config_generation", "Number of the config that HAProxy runs.", numbers.generation),
    byLabel("skep_proxy_workers", "Processes of HAProxy.", "gauge", "state", workers(processes)),
    byLabel("skep_proxy_services", "Services by their state.", "gauge", "state", Object.entries(numbers.services)),
    byLabel("skep_proxy_changes_total", "Changes of services.", "counter", "result", Object.entries(numbers.changes)),
    byLabel("skep_proxy_certificate_not_after_seconds", "When a certificate ends.", "gauge", "certificate", [
      ...numbers.certificates,
    ]),
  ];
}

const gauge = (name: string, help: string, value: number): Family => ({
  name,
  help,
  type: "gauge",
  samples: [{ labels: {}, value }],
});

const counter = (name: string, help: string, value: number): Family => ({
  ...gauge(name, help, value),
  type: "counter",
});

const byLabel = (
  name: string,
  help: string,
  type: Family["type"],
  label: string,
  values: Iterable<readonly [string, number]>,
): Family => ({
  name,
  help,
  type,
  samples: [...values].map(([key, value]): Sample => ({ labels: { [label]: key }, value })),
});

const buildInfo = (version: string): Family => ({
  name: "haproxy_exporter_build_info",
  help: "Always 1, labelled with the version of the proxy.",
  type: "gauge",
  samples: [{ labels: { branch: "", goversion: "", revision: "", version }, value: 1 }],
});

const reloadTimes = ({ reloads, reloadSeconds }: DriverCounts): Family => ({
  name: "skep_proxy_reload_seconds",
  help: "Time from the signal to the proof that the config is live.",
  type: "summary",
  samples: [
    { labels: {}, value: reloadSeconds, suffix: "_sum" },
    { labels: {}, value: reloads, suffix: "_count" },
  ],
});

const workers = (table: ProcessTable | undefined): [string, number][] =>
  table
    ? [
        ["current", table.workers.length],
        ["old", table.oldWorkers.length],
      ]
    : [];
