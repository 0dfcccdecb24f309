import { formatValues } from "./format-values.ts";
import { entriesOf, isList, isObject, isTrue, kindOf, printValue, type TemplateValue } from "./template-value.ts";

type Args = readonly TemplateValue[];

function wantArguments(args: Args, least: number, most = least): void {
  if (args.length >= least && args.length <= most) return;
  const want = most === least ? least : `at least ${least}`;
  throw new Error(`it wants ${want} argument${least === 1 ? "" : "s"} and has ${args.length}`);
}

/** Whether two values are the same; only strings, numbers and booleans can be, and only of the same kind. */
function same(a: TemplateValue, b: TemplateValue): boolean {
  for (const value of [a, b]) {
    if (typeof value === "object") throw new Error(`${kindOf(value)} cannot be compared; ask for its len`);
  }
  if (typeof a !== typeof b) throw new Error(`${kindOf(a)} cannot be compared with ${kindOf(b)}`);
  return a === b;
}

/** `eq a b c`: a is b or a is c. */
function equalsAny(args: Args): boolean {
  wantArguments(args, 2, Number.POSITIVE_INFINITY);
  const [first = null, ...others] = args;
  return others.some((other) => same(first, other));
}

function isLess(a: TemplateValue, b: TemplateValue): boolean {
  if (typeof a === "number" && typeof b === "number") return a < b;
  if (typeof a === "string" && typeof b === "string") return Buffer.compare(Buffer.from(a), Buffer.from(b)) < 0;
  throw new Error(`the order of ${kindOf(a)} and ${kindOf(b)} is not known`);
}

const comparing = (decide: (a: TemplateValue, b: TemplateValue) => boolean) => (args: Args) => {
  wantArguments(args, 2);
  const [a = null, b = null] = args;
  return decide(a, b);
};

/** `index list 0 "name"`: one step for each key; an entry that an object does not have is empty. */
function index([from = null, ...keys]: Args): TemplateValue {
  return keys.reduce((value, key) => {
    if (isObject(value)) {
      if (typeof key !== "string") throw new Error(`an object's key is a string, not ${kindOf(key)}`);
      return Object.hasOwn(value, key) ? (value[key] ?? "") : "";
    }
    if (value === null && typeof key === "string") return "";
    const elements = typeof value === "string" ? [...Buffer.from(value)] : (value ?? []);
    if (!isList(elements)) throw new Error(`${kindOf(value)} has no elements`);
    const place = placeIn(elements, key, elements.length - 1);
    return elements[place] ?? null;
  }, from);
}

function placeIn(elements: { readonly length: number }, key: TemplateValue, last: number): number {
  if (typeof key !== "number" || !Number.isInteger(key)) throw new Error(`${kindOf(key)} is no index`);
  if (key < 0 || key > last) throw new Error(`index ${key} is out of range: there are ${elements.length}`);
  return key;
}

/** `slice x 1 2`: a part of a string or of a list. */
function slice(args: Args): TemplateValue {
  wantArguments(args, 1, 3);
  const [value = null, from = 0, to] = args;
  const elements = typeof value === "string" ? Buffer.from(value) : (value ?? []);
  if (!Buffer.isBuffer(elements) && !isList(elements)) throw new Error(`${kindOf(value)} has no parts`);
  const end = placeIn(elements, to ?? elements.length, elements.length);
  const part = elements.slice(placeIn(elements, from, end), end);
  return Buffer.isBuffer(part) ? part.toString() : (part as Args);
}

function length(args: Args): number {
  wantArguments(args, 1);
  const [value = null] = args;
  if (typeof value === "string") return Buffer.byteLength(value);
  if (value === null) return 0;
  if (isList(value)) return value.length;
  if (isObject(value)) return entriesOf(value).length;
  throw new Error(`${kindOf(value)} has no length`);
}

/** As fmt.Print: a space between operands when neither is a string. */
const print = (args: Args) =>
  args.reduce<string>((text, value, i) => {
    const spaced = i > 0 && typeof value !== "string" && typeof args[i - 1] !== "string";
    return text + (spaced ? " " : "") + printValue(value);
  }, "");

function not(args: Args): boolean {
  wantArguments(args, 1);
  return !args.some(isTrue);
}

/** Go's functions; `and` and `or` are carried out by `run-template.ts`, which stops at what decides. */
export const templateFunctions: ReadonlyMap<string, (args: Args) => TemplateValue> = new Map(
  Object.entries({
    eq: equalsAny,
    ne: comparing((a, b) => !same(a, b)),
    lt: comparing(isLess),
    le: comparing((a, b) => !isLess(b, a)),
    gt: comparing((a, b) => isLess(b, a)),
    ge: comparing((a, b) => !isLess(a, b)),
    not,
    index,
    slice,
    len: length,
    print,
    println: (args: Args) => `${args.map(printValue).join(" ")}\n`,
    printf: formatValues,
  }),
);

export const isTemplateFunction = (name: string): boolean =>
  name === "and" || name === "or" || templateFunctions.has(name);
