import { format } from "./log-format.ts";
import { headerName, refuse, word } from "./quote.ts";

/** A word as HAProxy reads it; `quoted` when it had quotes or backslashes. */
interface Word {
  readonly text: string;
  readonly quoted: boolean;
}

/**
 * The arguments of `http-request set-header` and its like for an item `Name value [cond]`. Quotes and backslashes mean
 * what they mean in haproxy.cfg. A value of several words without quotes, which HAProxy refuses, is taken as one.
 */
export function headerWithValue(what: string, item: string): string {
  const [name, ...rest] = words(what, item);
  const at = conditionIn(rest);
  const value = rest.slice(0, at).map(({ text }) => text);
  if (name === undefined || value.join("") === "") refuse(what, item, 'needs a name and a value, as "X-Version 3"');
  return [headerName(what, name.text), format(what, value.join(" ")), ...condition(what, rest.slice(at))].join(" ");
}

/** The same for `del-header`: `Name [-m match] [cond]`. */
export function headerAlone(what: string, item: string): string {
  const [name, ...rest] = words(what, item);
  const at = conditionIn(rest);
  const isMatch = at === 2 && rest[0]?.text === "-m" && /^(str|beg|end|sub|reg)$/.test(rest[1]?.text ?? "");
  if (name === undefined || (at > 0 && !isMatch)) refuse(what, item, "needs the name of a header only");
  const header = isMatch ? word(what, name.text) : headerName(what, name.text);
  return [header, ...rest.slice(0, at).map(({ text }) => text), ...condition(what, rest.slice(at))].join(" ");
}

function conditionIn(rest: readonly Word[]): number {
  const at = rest.findIndex(({ text, quoted }) => !quoted && (text === "if" || text === "unless"));
  return at < 0 ? rest.length : at;
}

function condition(what: string, rest: readonly Word[]): string[] {
  if (rest.length > 50) refuse(what, rest.map(({ text }) => text).join(" "), "the condition is too long");
  return rest.map(({ text }) => word(what, text));
}

const escapes: Readonly<Record<string, string>> = { " ": " ", "\t": "\t", t: "\t", "\\": "\\", "'": "'", '"': '"', "#": "#", $: "$" };

/** Words as HAProxy cuts its lines, without comments and environment. */
function words(what: string, line: string): Word[] {
  const found: Word[] = [];
  const piece = /[ \t]+|'([^']*)'|"((?:\\[^]|[^"\\])*)"|\\([^])|(['"\\])|[^ \t'"\\]+/g;
  let current: Word | undefined;
  const grow = (text: string, quoted: boolean) => {
    current = { text: (current?.text ?? "") + text, quoted: (current?.quoted ?? false) || quoted };
  };
  for (const [whole, strong, weak, escaped, stray] of line.matchAll(piece)) {
    if (stray !== undefined) refuse(what, line, `a ${stray} without its other end`);
    if (strong !== undefined) grow(strong, true);
    else if (weak !== undefined) grow(weak.replace(/\\([^])/g, (all, each: string) => escapes[each] ?? all), true);
    else if (escaped !== undefined) grow(escapes[escaped] ?? whole, true);
    else if (whole.trim() !== "") grow(whole, false);
    else if (current) {
      found.push(current);
      current = undefined;
    }
  }
  return current ? [...found, current] : found;
}
