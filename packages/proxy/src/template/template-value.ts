/** A value in a template: what JSON can say. `null` is a list that there is none of, as in the answers of the API. */
export type TemplateValue =
  | null
  | string
  | number
  | boolean
  | readonly TemplateValue[]
  | { readonly [name: string]: TemplateValue };

export const isList = (value: TemplateValue): value is readonly TemplateValue[] => Array.isArray(value);

export const isObject = (value: TemplateValue): value is { readonly [name: string]: TemplateValue } =>
  typeof value === "object" && value !== null && !isList(value);

/** As Go: an empty string, 0, an empty list and an object without entries are false. */
export function isTrue(value: TemplateValue): boolean {
  if (isList(value)) return value.length > 0;
  return isObject(value) ? Object.keys(value).length > 0 : Boolean(value);
}

/** As Go prints values: `[a b]` for lists, `map[key:value]` for objects. */
export function printValue(value: TemplateValue): string {
  if (value === null) return "[]";
  if (isList(value)) return `[${value.map(printValue).join(" ")}]`;
  if (!isObject(value)) return String(value);
  return `map[${entriesOf(value)
    .map(([name, entry]) => `${name}:${printValue(entry)}`)
    .join(" ")}]`;
}

/** Sorted by name, as Go ranges over maps. */
export const entriesOf = (value: { readonly [name: string]: TemplateValue }): [string, TemplateValue][] =>
  Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));

/** For errors: `a list`. */
export function kindOf(value: TemplateValue): string {
  if (value === null || isList(value)) return "a list";
  return isObject(value) ? "an object" : `a ${typeof value}`;
}

/** The field of an object. Throws when there is none: a typing error would otherwise end up in the configuration. */
export function fieldOf(value: TemplateValue, name: string): TemplateValue {
  if (!isObject(value)) throw new Error(`${kindOf(value)} has no field ${name}`);
  const field = Object.hasOwn(value, name) ? value[name] : undefined;
  if (field !== undefined) return field;
  const meant = Object.keys(value).find((key) => key.toLowerCase() === name.toLowerCase());
  throw new Error(`there is no field ${name}${meant === undefined ? "" : `; ${meant} may be meant`}`);
}
