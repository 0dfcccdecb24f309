/** An entry of a map; the key has no space in it. */
export type MapEntry = readonly [key: string, value: string];

/** The entries as HAProxy reads them from a map file: `key value`, without empty lines and comments. */
export const parseMap = (text: string): MapEntry[] =>
  text
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "" && !line.startsWith("#"))
    .map((line) => {
      const end = line.search(/\s/);
      return end < 0 ? [line, ""] : [line.slice(0, end), line.slice(end).trim()];
    });

export type MapChange =
  | { readonly do: "add-entry" | "set-entry"; readonly key: string; readonly value: string }
  | { readonly do: "delete-entry"; readonly key: string };

/** More changes than this are dearer one by one than the whole map at once. */
const most = 20;

/** Nothing that a command reads as more than itself. */
const isPlain = ([key, value]: MapEntry) => /^[\w./:,@%+=*~-]+$/.test(key) && /^[\w./:,@%+=*~-]+$/.test(value);

/**
 * Single changes from one map to another; undefined when the whole map has to be replaced, which is one step for
 * HAProxy too: many changes, keys that appear twice, words that a command would take for something else, or an order
 * that single changes do not lead to (HAProxy adds at the end, and some matchers take the first entry that fits).
 */
export function planMap(from: readonly MapEntry[], to: readonly MapEntry[]): MapChange[] | undefined {
  const before = new Map(from);
  const after = new Map(to);
  if (before.size !== from.length || after.size !== to.length) return undefined;
  const added = to.filter(([key]) => !before.has(key));
  const deleted = from.filter(([key]) => !after.has(key));
  const set = to.filter(([key, value]) => before.has(key) && before.get(key) !== value);
  const changed = [...added, ...deleted, ...set];
  if (changed.length > most || !changed.every(isPlain)) return undefined;
  const order = [...from.filter(([key]) => after.has(key)), ...added];
  if (order.some(([key], i) => key !== to[i]?.[0])) return undefined;
  return [
    ...added.map(([key, value]): MapChange => ({ do: "add-entry", key, value })),
    ...set.map(([key, value]): MapChange => ({ do: "set-entry", key, value })),
    ...deleted.map(([key]): MapChange => ({ do: "delete-entry", key })),
  ];
}
