import { patterns, refuse } from "./quote.ts";

/** A named condition of a section, and how a rule asks for it: `url_go-demo8080`, `!url_exclude_go-demo8080`. */
export interface Acl {
  readonly lines: readonly string[];
  readonly term: string;
}

/** HAProxy reads 64 words of a line. */
const mostWords = 60;

/** An `acl` as one line or, when it has more patterns than a line takes, as several of the same name. */
export function aclLines(name: string, matcher: string, what: string, texts: readonly string[]): string[] {
  return inLines(texts, mostWords - 4 - wordsOf(matcher)).map(
    (some) => `acl ${name} ${matcher} ${patterns(what, some).join(" ")}`,
  );
}

/** The same with the matcher before each pattern, as the original writes paths; HAProxy takes it for a pattern more. */
export function repeatedAclLines(name: string, matcher: string, what: string, texts: readonly string[]): string[] {
  return inLines(texts, Math.floor((mostWords - 4) / (wordsOf(matcher) + 1))).map(
    (some) => `acl ${name} ${matcher} ${patterns(what, some).join(` ${matcher} `)}`,
  );
}

/** The end of a rule: `if url_go-demo8080 !url_exclude_go-demo8080`. */
export function ifAll(terms: readonly string[]): string {
  if (terms.length > mostWords - 10) refuse("serviceHeader", terms.join(" "), "too many conditions for one rule");
  return `if ${terms.join(" ")}`;
}

const wordsOf = (text: string) => text.split(" ").length;

function inLines<T>(items: readonly T[], perLine: number): (readonly T[])[] {
  if (items.length <= perLine) return items.length === 0 ? [] : [items];
  const lines: T[][] = [];
  for (let i = 0; i < items.length; i += perLine) lines.push(items.slice(i, i + perLine));
  return lines;
}

/** Without the empty ones, which lists with a comma too many have. */
export const filled = (texts: readonly string[]): string[] => texts.filter((text) => text !== "");
