import { failAt, type TemplateSource } from "./template-error.ts";

export interface Token {
  readonly kind:
    | "text"
    | "open"
    | "close"
    | "field"
    | "variable"
    | "dot"
    | "word"
    | "string"
    | "number"
    | "declare"
    | "assign"
    | "pipe"
    | "comma"
    | "left"
    | "right";
  /** As written; text is already trimmed as its neighbours say. */
  readonly text: string;
  /** Where it begins in the template. */
  readonly at: number;
  /** It is not joined to the token before: `.A .B` and not `.A.B`. */
  readonly spaced: boolean;
}

const inAction: readonly (readonly [Token["kind"], RegExp])[] = [
  ["string", /"(?:[^"\\\n]|\\[^\n])*"|`[^`]*`|'(?:[^'\\\n]|\\[^\n])+'/y],
  ["number", /[+-]?(?:0[xX][\da-fA-F_]+|0[bB][01_]+|0[oO][0-7_]+|(?:\d[\d_]*(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?)/y],
  ["field", /\.[\p{L}_][\p{L}\p{N}_]*/uy],
  ["variable", /\$[\p{L}\p{N}_]*/uy],
  ["dot", /\./y],
  ["word", /[\p{L}_][\p{L}\p{N}_]*/uy],
  ["declare", /:=/y],
  ["assign", /=/y],
  ["pipe", /\|/y],
  ["comma", /,/y],
  ["left", /\(/y],
  ["right", /\)/y],
];

const isSpace = (character: string | undefined) =>
  character === " " || character === "\t" || character === "\n" || character === "\r";

/** The tokens of a Go template: text, and what is between `{{` and `}}`. Comments are left out. */
export function templateTokens(source: TemplateSource): Token[] {
  const { text } = source;
  const tokens: Token[] = [];
  for (let at = 0; at < text.length; ) {
    const open = text.indexOf("{{", at);
    const end = open < 0 ? text.length : open;
    const trims = open >= 0 && text[open + 2] === "-" && isSpace(text[open + 3]);
    const part = text.slice(at, trims ? endWithoutSpace(text, at, end) : end);
    if (part !== "") tokens.push({ kind: "text", text: part, at, spaced: true });
    if (open < 0) break;
    const inside = open + (trims ? 3 : 2);
    at = commentEnd(source, trims ? skipSpace(text, inside) : inside) ?? actionTokens(source, open, inside, tokens);
  }
  return tokens;
}

/** Adds the tokens of the action that opens at `open`; returns where the text after it begins. */
function actionTokens(source: TemplateSource, open: number, inside: number, tokens: Token[]): number {
  const { text } = source;
  tokens.push({ kind: "open", text: "{{", at: open, spaced: true });
  for (let at = inside; at < text.length; ) {
    const start = skipSpace(text, at);
    const after = closeEnd(text, start, start > at);
    if (after !== undefined) {
      tokens.push({ kind: "close", text: "}}", at: start, spaced: true });
      return after;
    }
    if (start === text.length) break;
    const token = tokenAt(source, start, start > at);
    tokens.push(token);
    at = start + token.text.length;
  }
  return failAt(source, open, "unclosed action");
}

function tokenAt(source: TemplateSource, at: number, spaced: boolean): Token {
  for (const [kind, pattern] of inAction) {
    pattern.lastIndex = at;
    const text = pattern.exec(source.text)?.[0];
    if (text !== undefined) return { kind, text, at, spaced };
  }
  const character = String.fromCodePoint(source.text.codePointAt(at) ?? 0);
  if (`"'\``.includes(character)) return failAt(source, at, "unterminated quoted string");
  return failAt(source, at, `unexpected ${JSON.stringify(character)} in an action`);
}

/** Where the text after `}}` or ` -}}` begins, when that is what stands at `at`. */
function closeEnd(text: string, at: number, spaced: boolean): number | undefined {
  if (text.startsWith("}}", at)) return at + 2;
  return spaced && text.startsWith("-}}", at) ? skipSpace(text, at + 3) : undefined;
}

/** Where the text after a comment begins, when one stands at `at`. */
function commentEnd(source: TemplateSource, at: number): number | undefined {
  const { text } = source;
  if (!text.startsWith("/*", at)) return undefined;
  const end = text.indexOf("*/", at + 2);
  if (end < 0) return failAt(source, at, "unclosed comment");
  const after = skipSpace(text, end + 2);
  const close = after > end + 2 && !text.startsWith("-}}", after) ? undefined : closeEnd(text, after, after > end + 2);
  return close ?? failAt(source, end, "a comment must be the only thing between {{ and }}");
}

function skipSpace(text: string, from: number): number {
  let at = from;
  while (isSpace(text[at])) at++;
  return at;
}

function endWithoutSpace(text: string, from: number, to: number): number {
  let end = to;
  while (end > from && isSpace(text[end - 1])) end--;
  return end;
}
