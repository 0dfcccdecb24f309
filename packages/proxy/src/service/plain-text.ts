/** What would end a line of HAProxy's config, or cannot be part of one. */
export const hasControl = (text: string): boolean => /\p{Cc}/u.test(text);

/** The parts of a list, trimmed; empty ones do not count. */
export const splitList = (text: string, separator: string): string[] =>
  text
    .split(separator)
    .map((part) => part.trim())
    .filter((part) => part !== "");

/** A value as messages show it: quoted, on one line, not longer than a line. */
export const quoted = (text: string): string => JSON.stringify(text.length > 100 ? `${text.slice(0, 100)}...` : text);

/** Go's spellings of true, and `on`: parameters of services, and of calls. */
export const isYes = (text: string): boolean => text === "on" || parseGoBoolean(text) === true;

/** As Go's strconv.ParseBool; undefined for what it does not read. */
export function parseGoBoolean(text: string): boolean | undefined {
  if (/^(1|t|T|TRUE|true|True)$/.test(text)) return true;
  return /^(0|f|F|FALSE|false|False)$/.test(text) ? false : undefined;
}
