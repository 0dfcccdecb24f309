import { DomainError } from "@skep/model";

/** Where a value stands: the Go struct it is a field of, and the path of fields to it. */
export interface Place {
  readonly struct: string;
  readonly path: string;
}

/**
 * Checks one JSON value and gives it back in the form in which the Engine API would print it. Undefined: the field is
 * left out. `null` is the same as absent, as in Go.
 */
export type Decoder<T> = (value: unknown, place: Place) => T | undefined;

/**
 * Decodes a request body as Go does: field names match regardless of case, unknown fields are dropped, fields come out
 * in the schema's order, and a value of the wrong type is refused in the words of `encoding/json`.
 */
export function decode<T>(decoder: Decoder<T>, body: unknown, goType: string): T {
  const place: Place = { struct: "", path: goType };
  return decoder(body ?? {}, place) ?? ({} as T); // only a struct is decoded here, and all its fields are optional
}

type Fields<T> = { readonly [K in keyof T]-?: Decoder<Exclude<T[K], undefined>> };

/** A Go struct behind a pointer: `{}` stays `{}`. */
export function struct<T extends object>(name: string, fields: Fields<T>): Decoder<T> {
  const names = Object.keys(fields) as (keyof T & string)[];
  const byLowerCase = new Map<string, keyof T & string>(names.map((field) => [field.toLowerCase(), field]));
  return (value, place) => {
    if (value === null || value === undefined) return undefined;
    if (typeof value !== "object" || Array.isArray(value)) throw mismatch(value, place, name);
    const sent = new Map(Object.entries(value).map(([key, item]) => [byLowerCase.get(key.toLowerCase()), item]));
    const out: Partial<T> = {};
    for (const field of names) {
      const decoded = fields[field](sent.get(field), inside(place, name, field));
      if (decoded !== undefined) out[field] = decoded;
    }
    return out as T; // complete: what is missing is optional in T, see `Fields`
  };
}

const inside = (place: Place, struct: string, field: string): Place => ({
  struct,
  path: place.struct === "" ? field : `${place.path}.${field}`,
});

/** A string; empty is the same as absent. */
export const text: Decoder<string> = (value, place) => decodeText(value, place) || undefined;

/** A string behind a pointer or printed always: `""` stays. */
export const textKept: Decoder<string> = decodeText;

function decodeText(value: unknown, place: Place): string | undefined {
  if (value === null || value === undefined) return undefined;
  if (typeof value !== "string") throw mismatch(value, place, "string");
  return value;
}

/** A string from a closed list of words, which whoever stores it checks. */
export const word = <W extends string>(): Decoder<W> => text as Decoder<W>;

/** `true`; false is the same as absent. */
export const flag: Decoder<boolean> = (value, place) => flagKept(value, place) || undefined;

export const flagKept: Decoder<boolean> = (value, place) => {
  if (value === null || value === undefined) return undefined;
  if (typeof value !== "boolean") throw mismatch(value, place, "bool");
  return value;
};

type Integer = "int64" | "uint64" | "uint32" | "int" | "uint16";
const below: Record<Integer, number> = {
  int64: 2 ** 63,
  uint64: 2 ** 53,
  uint32: 2 ** 32,
  int: 2 ** 53,
  uint16: 2 ** 16,
};

/** An integer; 0 is the same as absent. */
export const integer =
  (type: Integer = "int64"): Decoder<number> =>
  (value, place) =>
    integerKept(type)(value, place) || undefined;

/**
 * An integer behind a pointer or printed always: 0 stays. Whole milliseconds beyond 2^53 ns (104 days) are exact in a
 * double too, so durations may pass it; counts may not.
 */
export const integerKept =
  (type: Integer = "int64"): Decoder<number> =>
  (value, place) => {
    if (value === null || value === undefined) return undefined;
    if (typeof value !== "number") throw mismatch(value, place, type);
    const lowest = type.startsWith("u") ? 0 : -below[type];
    if (!Number.isInteger(value) || value < lowest || value >= below[type]) throw mismatch(value, place, type, true);
    return value === 0 ? 0 : value; // -0 would be printed as 0 but is not equal to it
  };

/** A float that is printed always. */
export const float: Decoder<number> = (value, place) => {
  if (value === null || value === undefined) return undefined;
  if (typeof value !== "number") throw mismatch(value, place, "float32");
  return value;
};

/** A list; empty is the same as absent. */
export const list =
  <T>(item: Decoder<T>, empty: () => T): Decoder<readonly T[]> =>
  (value, place) => {
    if (value === null || value === undefined) return undefined;
    if (!Array.isArray(value)) throw mismatch(value, place, "[]string");
    return value.length === 0 ? undefined : value.map((element) => item(element, place) ?? empty());
  };

export const texts = list(textKept, () => "");
export const structs = <T extends object>(item: Decoder<T>) => list(item, () => ({}) as T);

/** A pointer that is printed as `null` when it is not set. */
export const orNull =
  <T>(decoder: Decoder<T>): Decoder<T | null> =>
  (value, place) =>
    decoder(value, place) ?? null;

/** A map from text to text; empty is the same as absent. */
export const labels: Decoder<Readonly<Record<string, string>>> = (value, place) => {
  const decoded = labelsKept(value, place);
  return decoded && Object.keys(decoded).length > 0 ? decoded : undefined;
};

export const labelsKept: Decoder<Readonly<Record<string, string>>> = (value, place) => {
  if (value === null || value === undefined) return undefined;
  if (typeof value !== "object" || Array.isArray(value)) throw mismatch(value, place, "map[string]string");
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, decodeText(item, place) ?? ""]));
};

/** Go names the JSON kind, and the number itself when only its size or its fraction is wrong. */
function mismatch(value: unknown, place: Place, type: string, byValue = false): DomainError {
  const kind = Array.isArray(value) ? "array" : typeof value === "boolean" ? "bool" : typeof value;
  const what = byValue ? `number ${value}` : kind;
  const where =
    place.struct === ""
      ? `Go value of type ${place.path}`
      : `Go struct field ${place.struct}.${place.path} of type ${type}`;
  return new DomainError("invalid-parameter", `json: cannot unmarshal ${what} into ${where}`);
}
