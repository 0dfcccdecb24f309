import { isTrue, printValue, type TemplateValue, typeName } from "./template-value.ts";

type Args = readonly TemplateValue[];

const wrongCount = (want: string, got: number) => new Error(`wrong number of args: want ${want} got ${got}`);

/** `printf`, with the verbs that make sense for strings, numbers and booleans. */
function format([pattern, ...values]: Args): string {
  if (typeof pattern !== "string") throw wrongCount("at least 1", pattern === undefined ? 0 : 1);
  const rest = [...values];
  const text = pattern.replace(/%(%|[-+# 0-9.]*[a-zA-Z])/g, (whole, verb: string) => {
    if (verb === "%") return "%";
    const value = rest.shift();
    if (value === undefined) return `%!${verb.slice(-1)}(MISSING)`;
    const padded = /^(-|0)?(\d*)([svdq])$/.exec(verb);
    if (!padded) throw new Error(`verb ${whole} is not supported`);
    const [, flag, width, kind] = padded;
    const shown = kind === "q" ? JSON.stringify(printValue(value)) : printValue(value);
    if (kind === "d" && typeof value !== "number") return `%!d(${typeName(value)}=${shown})`;
    return flag === "-" ? shown.padEnd(Number(width)) : shown.padStart(Number(width), flag === "0" ? "0" : " ");
  });
  const extra = rest.map((value) => `${typeName(value)}=${printValue(value)}`);
  return extra.length > 0 ? `${text}%!(EXTRA ${extra.join(", ")})` : text;
}

function compare(values: Args): boolean {
  const [first, ...others] = values;
  if (first === undefined || others.length === 0) throw new Error("missing argument for comparison");
  for (const value of values) if (typeof value === "object") throw new Error("non-comparable type");
  if (others.some((value) => typeof value !== typeof first)) throw new Error("incompatible types for comparison");
  return others.includes(first);
}

function index([from, ...keys]: Args): TemplateValue {
  if (from === undefined) throw wrongCount("at least 1", 0);
  return keys.reduce((value, key) => {
    if (typeof value === "object" && "entries" in value) {
      if (typeof key !== "string") throw new Error(`value has type ${typeName(key)}; should be string`);
      return Object.hasOwn(value.entries, key) ? (value.entries[key] ?? "") : "";
    }
    if (typeof value !== "string") throw new Error(`can't index item of type ${typeName(value)}`);
    const bytes = Buffer.from(value);
    if (typeof key !== "number") throw new Error(`cannot index slice/array with type ${typeName(key)}`);
    const byte = bytes[key];
    if (byte === undefined) throw new Error(`index out of range: ${key}`);
    return byte;
  }, from);
}

/** `join sep a b ...`: swarmkit's only own function. */
function join([separator, ...parts]: Args): string {
  if (separator === undefined) throw new Error("missing separator");
  for (const value of [separator, ...parts]) {
    if (typeof value !== "string") throw new Error(`wrong type for value; expected string; got ${typeName(value)}`);
  }
  return parts.join(String(separator));
}

function length([value]: Args): number {
  if (typeof value === "string") return Buffer.byteLength(value);
  if (typeof value === "object" && "entries" in value) return Object.keys(value.entries).length;
  throw new Error(`len of type ${value === undefined ? "nil" : typeName(value)}`);
}

/** fmt.Print puts a space between operands when neither is a string. */
const print = (values: Args) =>
  values.reduce<string>((text, value, i) => {
    const spaced = i > 0 && typeof value !== "string" && typeof values[i - 1] !== "string";
    return text + (spaced ? " " : "") + printValue(value);
  }, "");

function decisive(values: Args, truth: boolean): TemplateValue {
  const last = values.at(-1);
  if (last === undefined) throw wrongCount("at least 1", 0);
  return values.find((value) => isTrue(value) === truth) ?? last;
}

function not([value]: Args): boolean {
  if (value === undefined) throw wrongCount("1", 0);
  return !isTrue(value);
}

/** The functions a template may call: swarmkit's `join` and those of Go's built-ins that services use. */
export const templateFunctions = {
  and: (values: Args) => decisive(values, false),
  or: (values: Args) => decisive(values, true),
  not,
  eq: (values: Args) => compare(values),
  ne: (values: Args) => !compare(values),
  index,
  join,
  len: length,
  print,
  println: (values: Args) => `${values.map(printValue).join(" ")}\n`,
  printf: format,
} satisfies Record<string, (values: Args) => TemplateValue>;
