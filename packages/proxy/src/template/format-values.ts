import { kindOf, printValue, type TemplateValue } from "./template-value.ts";

const widest = 1000;

/**
 * `printf "%s-%03d" .ServiceName .Index`: the verbs %s %v %d %q %t %x %X %f %%, with flags, width and precision. What
 * Go would print as `%!d(string=a)` is an error here: nobody wants that in a configuration.
 */
export function formatValues([pattern, ...values]: readonly TemplateValue[]): string {
  if (typeof pattern !== "string") throw new Error("its first argument must be a string");
  const rest = [...values];
  const text = pattern.replace(/%([-+# 0]*)(\d*)(?:\.(\d+))?(.?)/gsu, (whole, flags, width, precision, verb) => {
    if (verb === "%") return "%";
    const value = rest.shift();
    if (value === undefined) throw new Error(`there is no argument for ${whole}`);
    if (Number(width) > widest || Number(precision ?? 0) > widest) throw new Error(`${whole} is too wide`);
    const shown = formatValue(value, verb, precision === undefined ? undefined : Number(precision), whole);
    const signed = flags.includes("+") && typeof value === "number" && value >= 0 ? `+${shown}` : shown;
    return padded(signed, Number(width), flags, typeof value === "number");
  });
  if (rest.length > 0) throw new Error(`it has ${rest.length} arguments more than verbs`);
  return text;
}

function formatValue(value: TemplateValue, verb: string, precision: number | undefined, whole: string): string {
  switch (verb) {
    case "s":
    case "v":
      return typeof value === "string" ? [...value].slice(0, precision).join("") : printValue(value);
    case "q":
      return JSON.stringify(printValue(value));
    case "d":
      if (typeof value === "number" && Number.isInteger(value)) return String(value);
      break;
    case "f":
      if (typeof value === "number") return value.toFixed(Math.min(precision ?? 6, 100));
      break;
    case "t":
      if (typeof value === "boolean") return String(value);
      break;
    case "x":
    case "X":
      if (typeof value === "string" || typeof value === "number") return hexadecimal(value, verb === "X");
      break;
    default:
      throw new Error(`${whole} is not supported`);
  }
  throw new Error(`${whole} is not for ${kindOf(value)}`);
}

function hexadecimal(value: string | number, capitals: boolean): string {
  const text = typeof value === "string" ? Buffer.from(value).toString("hex") : value.toString(16);
  return capitals ? text.toUpperCase() : text;
}

function padded(text: string, width: number, flags: string, isNumber: boolean): string {
  if (flags.includes("-")) return text.padEnd(width);
  if (!flags.includes("0") || !isNumber) return text.padStart(width);
  const sign = /^[+-]?/.exec(text)?.[0] ?? "";
  return sign + text.slice(sign.length).padStart(width - sign.length, "0");
}
