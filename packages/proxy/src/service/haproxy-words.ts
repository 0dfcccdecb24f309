/** In double quotes · in single quotes · after a backslash · a comment · blanks · plain text · a quote that is not closed. */
const pieces = /"(?:\\.|[^"\\])*"|'[^']*'|\\x[0-9a-fA-F]{2}|\\.|#.*|\s+|[^"'\\\s#]+|./gs;

/**
 * The words that HAProxy reads in a line of its config: quotes and backslashes resolved, a comment left out (HAProxy's
 * configuration manual, section 2.2). Undefined when a quote is not closed.
 */
export function haproxyWords(line: string): string[] | undefined {
  const words: string[] = [];
  let word: string | undefined;
  for (const [piece] of line.matchAll(pieces)) {
    if (piece.startsWith("#")) break;
    if (piece === '"' || piece === "'") return undefined;
    if (/^\s/.test(piece)) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else {
      word = (word ?? "") + textOf(piece);
    }
  }
  return word === undefined ? words : [...words, word];
}

function textOf(piece: string): string {
  if (piece.startsWith("'")) return piece.slice(1, -1);
  return piece.startsWith('"') ? resolveEscapes(piece.slice(1, -1)) : resolveEscapes(piece);
}

const characters: Readonly<Record<string, string>> = { r: "\r", n: "\n", t: "\t" };

/** A backslash before anything that has no special meaning stays. */
const resolveEscapes = (text: string) =>
  text.replace(/\\(x[0-9a-fA-F]{2}|.)/gs, (whole, after: string) => {
    if (after.length > 1) return String.fromCharCode(Number.parseInt(after.slice(1), 16));
    return characters[after] ?? (/[\\\s#"'$]/.test(after) ? after : whole);
  });
