const escapes: Readonly<Record<string, string>> = { r: "\r", n: "\n", t: "\t" };

/**
 * The words that HAProxy reads in a line of its config: quotes and backslashes resolved, a comment left out (HAProxy's
 * configuration manual, section 2.2). Undefined when a quote is not closed.
 */
export function haproxyWords(line: string): string[] | undefined {
  const words: string[] = [];
  let word: string | undefined;
  let quote = "";
  for (let at = 0; at < line.length; at++) {
    const char = line.charAt(at);
    if (quote !== "" && char === quote) quote = "";
    else if (quote === "" && (char === '"' || char === "'")) {
      quote = char;
      word ??= "";
    } else if (char === "\\" && quote !== "'") {
      const escape = escapeAt(line, at);
      word = (word ?? "") + escape.text;
      at += escape.length - 1;
    } else if (quote === "" && /\s/.test(char)) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else if (quote === "" && char === "#") break;
    else word = (word ?? "") + char;
  }
  if (quote !== "") return undefined;
  return word === undefined ? words : [...words, word];
}

/** What the backslash at `at` and the characters after it mean, and how many they are. */
function escapeAt(line: string, at: number): { text: string; length: number } {
  const next = line.charAt(at + 1);
  const hex = /^[0-9a-fA-F]{2}/.exec(line.slice(at + 2))?.[0];
  if (next === "x" && hex !== undefined) return { text: String.fromCharCode(Number.parseInt(hex, 16)), length: 4 };
  const known = escapes[next];
  if (known !== undefined) return { text: known, length: 2 };
  return /[\\\s#"'$]/.test(next) ? { text: next, length: 2 } : { text: `\\${next}`, length: 2 };
}
