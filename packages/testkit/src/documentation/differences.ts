/**
 * How what a page shows is compared with what a command printed. What is different every time is compared by its kind:
 * ids (any word of 12 or 25 small letters and digits), IPv4 addresses, names of nodes (`node-1`), versions, durations (`3 s`, `5 seconds ago`). Columns may be wider or
 * narrower, and empty lines do not count. `…` in a line of the page stands for anything in that line, and a line that is
 * only `…` for any number of lines.
 */
export function differences(shown: string, printed: string): string[] {
  const expected = linesOf(shown);
  const actual = linesOf(printed);
  return matches(expected, actual)
    ? []
    : [...expected.map((line) => `- ${line}`), ...actual.map((line) => `+ ${line}`)];
}

const kinds: readonly (readonly [RegExp, string])[] = [
  [/\b(?:less than a second|about a minute|about an hour|\d+ (?:second|minute|hour|day)s?) ago\b/gi, "AGO"],
  [/\b[0-9a-f]{64}\b/g, "ID"],
  [/\b[0-9a-z]{25}\b/g, "ID"],
  [/\b[0-9a-z]{12}\b/g, "ID"],
  [/\b\d+\.\d+\.\d+\.\d+\b/g, "ADDRESS"],
  [/\b\d+\.\d+\.\d+(?:\+\w+)?\b/g, "VERSION"],
  [/\b\d+(?:\.\d+)? ?(?:ms|s)\b/g, "TIME"],
  [/\bnode-\d+\b/g, "NODE"],
];

function linesOf(text: string): string[] {
  return text
    .split("\n")
    .map((line) => kinds.reduce((result, [kind, word]) => result.replaceAll(kind, word), line))
    .map((line) => line.replaceAll(/\s+/g, " ").trim())
    .filter((line) => line !== "");
}

function matches(expected: readonly string[], actual: readonly string[]): boolean {
  const [first, ...rest] = expected;
  if (first === undefined) return actual.length === 0;
  if (first === "…") return actual.some((_, at) => matches(rest, actual.slice(at))) || matches(rest, []);
  const [line, ...others] = actual;
  return line !== undefined && lineMatches(first, line) && matches(rest, others);
}

function lineMatches(pattern: string, line: string): boolean {
  const parts = pattern.split("…").map((part) => part.replaceAll(/[\\^$.*+?()[\]{}|]/g, "\\$&"));
  return new RegExp(`^${parts.join(".*")}$`).test(line);
}
