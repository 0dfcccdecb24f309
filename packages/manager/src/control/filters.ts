import { DomainError, type Labels } from "@skep/model";

/** What `filters` of a list asks for: values of one key are alternatives, keys must all match. */
export type Filters = ReadonlyMap<string, readonly string[]>;

export function refuseUnknownFilters(filters: Filters, known: readonly string[]): void {
  for (const key of filters.keys()) {
    if (!known.includes(key)) throw new DomainError("invalid-parameter", `Invalid filter '${key}'`);
  }
}

/** True when the filter has no such key, or one of its values passes `test`. */
export const anyOf = (filters: Filters, key: string, test: (wanted: string) => boolean): boolean => {
  const wanted = filters.get(key);
  return wanted === undefined || wanted.length === 0 || wanted.some(test);
};

export const prefixOf = (filters: Filters, key: string, text: string): boolean =>
  anyOf(filters, key, (wanted) => text.startsWith(wanted));

/** `key` or `key=value`; all must match, and an empty value matches any. */
export const labelsMatch = (filters: Filters, key: string, labels: Labels = {}): boolean =>
  (filters.get(key) ?? []).every((wanted) => {
    const equals = wanted.indexOf("=");
    const name = equals < 0 ? wanted : wanted.slice(0, equals);
    const value = equals < 0 ? "" : wanted.slice(equals + 1);
    return Object.hasOwn(labels, name) && (value === "" || labels[name] === value);
  });

/** Checks the values of a key that has a closed list of words. Docker answers 500 to a word that is not on it. */
export function refuseUnknownWords(filters: Filters, key: string, known: (word: string) => boolean): void {
  for (const word of filters.get(key) ?? []) {
    if (!known(word.toLowerCase())) throw new DomainError("internal", `Invalid ${key} filter: '${word}'`);
  }
}

export const byId = (a: { readonly id: string }, b: { readonly id: string }): number =>
  a.id < b.id ? -1 : a.id > b.id ? 1 : 0;
