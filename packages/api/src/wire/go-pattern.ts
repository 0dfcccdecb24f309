/**
 * Whether `text` matches one of the engine's filter values, which Go takes as a regular expression found anywhere in
 * the text. Ours backtracks where Go's does not, so that expressions that could take long match as plain text only.
 */
export function matchesPattern(pattern: string, text: string): boolean {
  if (text.includes(pattern)) return true;
  if (pattern.length > longest || !isHarmless(pattern)) return false;
  try {
    return new RegExp(pattern).test(text);
  } catch {
    return false; // as Go skips what it cannot read
  }
}

const longest = 200;
/** Names have 63 characters: so many repetitions, one after the other, end in time. */
const mostRepetitions = 3;

/** Without `(?…)`, repeated groups, back references, and long rows of repetitions. */
function isHarmless(pattern: string): boolean {
  if (/\(\?|\)[*+?{]|\\[1-9k]/.test(pattern)) return false;
  return (pattern.match(/[*+?{]/g)?.length ?? 0) <= mostRepetitions;
}
