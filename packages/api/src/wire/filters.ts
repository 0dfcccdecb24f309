import type { Filters } from "@skep/manager";
import { DomainError } from "@skep/model";
import { parseGoJson } from "../go-json.ts";

/**
 * The `filters` of a list request. Both forms are in use, also mixed: `{"name":["a","b"]}` and
 * `{"name":{"a":true,"b":true}}`. Text that is not JSON is answered 500, as the engine does up to API 1.41.
 */
export function parseFilters(query: URLSearchParams): Filters {
  const text = query.get("filters");
  if (!text) return new Map();
  const value = parseJson(text);
  if (value === null) return new Map();
  if (typeof value !== "object" || Array.isArray(value)) throw invalidFilter();
  return new Map(Object.entries(value).map(([key, values]) => [key, valuesOf(values)]));
}

function valuesOf(values: unknown): readonly string[] {
  if (values === null || typeof values !== "object") throw invalidFilter();
  if (!Array.isArray(values)) return Object.keys(values);
  if (!values.every((value) => typeof value === "string")) throw invalidFilter();
  return values;
}

const invalidFilter = () => new DomainError("invalid-parameter", "invalid filter");

function parseJson(text: string): unknown {
  try {
    return parseGoJson(text);
  } catch (error) {
    throw new DomainError("internal", (error as Error).message, { cause: error });
  }
}
