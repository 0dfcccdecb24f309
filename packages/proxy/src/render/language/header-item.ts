import { haproxyWords } from "../../service/haproxy-words.ts";
import { format } from "./log-format.ts";
import { headerName, refuse, word } from "./quote.ts";

/**
 * The arguments of `http-request set-header` and its like for an item `Name value [cond]`. Quotes and backslashes mean
 * what they mean in haproxy.cfg. A value of several words without quotes, which HAProxy refuses, is taken as one.
 */
export function headerWithValue(what: string, item: string): string {
  const { name, rest, condition } = partsOf(what, item);
  const value = rest.join(" ");
  if (value === "") refuse(what, item, 'needs a name and a value, as "X-Version 3"');
  return [headerName(what, name), format(what, value), ...condition].join(" ");
}

/** The same for `del-header`: `Name [-m match] [cond]`. */
export function headerAlone(what: string, item: string): string {
  const { name, rest, condition } = partsOf(what, item);
  if (rest.length === 0) return [headerName(what, name), ...condition].join(" ");
  const [flag, match = "", ...others] = rest;
  const isMatch = flag === "-m" && /^(str|beg|end|sub|reg)$/.test(match) && others.length === 0;
  return isMatch
    ? [word(what, name), "-m", match, ...condition].join(" ")
    : refuse(what, item, "needs the name of a header only");
}

function partsOf(what: string, item: string) {
  const words = haproxyWords(item) ?? refuse(what, item, "has a quote that is not closed");
  const [name = "", ...rest] = words;
  const found = rest.findIndex((text) => text === "if" || text === "unless");
  const at = found < 0 ? rest.length : found;
  const condition = rest.slice(at).map((text) => word(what, text));
  if (condition.length > 50) refuse(what, item, "its condition is too long");
  return { name, rest: rest.slice(0, at), condition };
}
