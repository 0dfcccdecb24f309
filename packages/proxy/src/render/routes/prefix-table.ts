/** Something numbered that needs a text to begin with one of `prefixes`. */
export interface Prefixed {
  readonly number: number;
  readonly prefixes: readonly string[];
}

/**
 * For each of the prefixes, the lowest number whose prefix it begins with: of a text whose longest prefix it is, that is
 * the first that takes it.
 */
export function firstByPrefix(items: readonly Prefixed[]): Map<string, number> {
  const own = new Map<string, number>();
  for (const { number, prefixes } of items) {
    for (const prefix of prefixes) own.set(prefix, Math.min(number, own.get(prefix) ?? number));
  }
  const lengths = lengthsOf(own.keys());
  const lowest = (text: string) =>
    beginnings(text, lengths).reduce((low, each) => Math.min(low, own.get(each) ?? low), Infinity);
  return new Map([...own.keys()].map((prefix) => [prefix, lowest(prefix)]));
}

/** For each of the prefixes, all items that have a prefix which it begins with. */
export function allByPrefix<T extends Prefixed>(items: readonly T[]): Map<string, T[]> {
  const own = new Map<string, Set<T>>();
  for (const item of items) {
    for (const prefix of item.prefixes) own.set(prefix, (own.get(prefix) ?? new Set()).add(item));
  }
  const lengths = lengthsOf(own.keys());
  const all = (text: string) => new Set(beginnings(text, lengths).flatMap((each) => [...(own.get(each) ?? [])]));
  return new Map([...own.keys()].map((prefix) => [prefix, [...all(prefix)]]));
}

const lengthsOf = (texts: Iterable<string>): number[] =>
  [...new Set([...texts].map(({ length }) => length))].sort((a, b) => a - b);

const beginnings = (text: string, lengths: readonly number[]): string[] =>
  lengths.filter((length) => length <= text.length).map((length) => text.slice(0, length));
