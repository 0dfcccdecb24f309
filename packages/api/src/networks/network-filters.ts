import type { Filters } from "@skep/manager";
import { DomainError, type Labels } from "@skep/model";
import { matchesPattern } from "../wire/go-pattern.ts";
import type { NetworkResource } from "../wire/render-network.ts";

const known = ["dangling", "driver", "id", "label", "name", "scope", "type"];

/** Throws as the engine does (moby's `daemon/network/filter.go`) where a filter makes no sense. */
export function checkNetworkFilters(filters: Filters): void {
  for (const key of filters.keys()) if (!known.includes(key)) throw invalid(`invalid filter '${key}'`);
  for (const type of filters.get("type") ?? []) {
    if (type !== "custom" && type !== "builtin") throw invalid(`invalid filter: 'type'='${type}'`);
  }
  danglingOf(filters);
}

/** `isUsed` tells whether a container or a service is on the network. */
export function matchesNetworkFilters(network: NetworkResource, filters: Filters, isUsed: () => boolean): boolean {
  const dangling = danglingOf(filters);
  return (
    anyValue(filters, "driver", (driver) => driver === network.Driver) &&
    anyValue(filters, "name", (name) => matchesPattern(name, network.Name)) &&
    anyValue(filters, "id", (id) => matchesPattern(id, network.Id)) &&
    (filters.get("label") ?? []).every((wanted) => hasLabel(network.Labels ?? {}, wanted)) &&
    anyValue(filters, "scope", (scope) => scope === network.Scope) &&
    anyValue(filters, "type", (type) => (type === "builtin") === isPredefined(network.Name)) &&
    (dangling === undefined || dangling === (!isPredefined(network.Name) && !isUsed()))
  );
}

/** The engine's own; the ingress network is not among them. */
export const isPredefined = (name: string): boolean => ["bridge", "host", "none", "default"].includes(name);

/** `key`, or `key=value`. */
function hasLabel(labels: Labels, wanted: string): boolean {
  const [name = "", ...value] = wanted.split("=");
  return Object.hasOwn(labels, name) && (value.length === 0 || labels[name] === value.join("="));
}

function anyValue(filters: Filters, key: string, test: (value: string) => boolean): boolean {
  const values = filters.get(key) ?? [];
  return values.length === 0 || values.some(test);
}

function danglingOf(filters: Filters): boolean | undefined {
  const values = filters.get("dangling") ?? [];
  if (values.length === 0) return undefined;
  if (values.length === 1 && /^(true|1)$/.test(values[0] ?? "")) return true;
  if (values.length === 1 && /^(false|0)$/.test(values[0] ?? "")) return false;
  throw invalid(`invalid filter 'dangling=[${values.join(" ")}]'`);
}

const invalid = (message: string) => new DomainError("invalid-parameter", message);
