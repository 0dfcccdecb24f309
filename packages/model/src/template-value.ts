import type { Labels } from "./meta.ts";

/** A value inside a template, with the name of its Go type for errors. */
export type TemplateValue =
  | string
  | number
  | boolean
  | { readonly type: string; readonly fields: Readonly<Record<string, TemplateValue>> }
  | { readonly type: "map[string]string"; readonly entries: Labels };

const typeOfPath: Readonly<Record<string, string>> = {
  "": "*template.Context",
  Service: "struct { ID string; Name string; Labels map[string]string }",
  Node: "struct { ID string; Hostname string; Platform template.Platform }",
  "Node.Platform": "template.Platform",
  Task: "struct { ID string; Name string; Slot string }",
};

/** The context as Go sees it: structs have fields, labels are a map. */
export function structOf(context: object, path = ""): TemplateValue {
  const type = typeOfPath[path];
  if (type === undefined) return { type: "map[string]string", entries: context as Labels };
  const fields = Object.entries(context).map(([name, value]): [string, TemplateValue] => [
    name,
    typeof value === "object" ? structOf(value, path === "" ? name : `${path}.${name}`) : value,
  ]);
  return { type, fields: Object.fromEntries(fields) };
}

/** A field of a struct or an entry of a map (missing keys are errors: Go's option `missingkey=error`). */
export function fieldOf(value: TemplateValue, name: string): { value: TemplateValue } | { problem: string } {
  if (typeof value === "object" && "entries" in value) {
    const entry = Object.hasOwn(value.entries, name) ? value.entries[name] : undefined;
    return entry === undefined ? { problem: `map has no entry for key ${JSON.stringify(name)}` } : { value: entry };
  }
  const field = typeof value === "object" && Object.hasOwn(value.fields, name) ? value.fields[name] : undefined;
  return field === undefined
    ? { problem: `can't evaluate field ${name} in type ${typeName(value)}` }
    : { value: field };
}

export function typeName(value: TemplateValue): string {
  if (typeof value === "object") return value.type;
  if (typeof value === "number") return Number.isInteger(value) ? "int" : "float64";
  return typeof value === "boolean" ? "bool" : "string";
}

/** As Go's: empty strings, zero and empty maps are false, structs are always true. */
export function isTrue(value: TemplateValue): boolean {
  if (typeof value !== "object") return Boolean(value);
  return "entries" in value ? Object.keys(value.entries).length > 0 : true;
}

/** As fmt.Print. */
export function printValue(value: TemplateValue): string {
  if (typeof value !== "object") return String(value);
  if ("fields" in value) return `{${Object.values(value.fields).map(printValue).join(" ")}}`;
  const entries = Object.entries(value.entries).sort(([a], [b]) => (a < b ? -1 : 1));
  return `map[${entries.map(([key, entry]) => `${key}:${entry}`).join(" ")}]`;
}
