/** Where a member of an object stands in its text. */
interface Member {
  readonly name: string;
  readonly start: number;
  readonly value: number;
  /** Behind the value. */
  readonly end: number;
}

/**
 * The JSON object `text` with a member of it set, or taken out when `value` is undefined. What else is in the text stays
 * as it is, down to the spaces; a new member goes last, on a line of its own where the others have one. The text must be
 * valid.
 */
export function setMember(text: string, path: readonly string[], value: unknown): string {
  const [name, ...rest] = path;
  if (name === undefined) return text;
  const at = skipSpace(text, 0);
  return setIn(text, at, name, rest, value, "");
}

function setIn(
  text: string,
  at: number,
  name: string,
  rest: readonly string[],
  value: unknown,
  indent: string,
): string {
  const members = membersOf(text, at);
  const member = members.findLast((one) => one.name === name); // of two with one name the last one counts
  if (member === undefined) return value === undefined ? text : add(text, at, members, name, nest(rest, value), indent);
  const [inner, ...further] = rest;
  if (inner !== undefined && text[member.value] === "{") {
    return setIn(text, member.value, inner, further, value, indentBefore(text, member.start) ?? indent);
  }
  if (value === undefined) return inner === undefined ? remove(text, at, members, member) : text;
  const written = write(nest(rest, value), unitOf(text), indentBefore(text, member.start));
  return text.slice(0, member.value) + written + text.slice(member.end);
}

const nest = (path: readonly string[], value: unknown): unknown =>
  path.reduceRight<unknown>((inner, name) => ({ [name]: inner }), value);

function add(text: string, at: number, members: readonly Member[], name: string, value: unknown, indent: string) {
  const last = members.at(-1);
  const unit = unitOf(text);
  if (last === undefined) {
    const close = text.indexOf("}", at);
    const isLined = unit !== undefined || (text.trim() === "{}" && indent === "");
    if (!isLined) return `${text.slice(0, at + 1)}${render(name, value, undefined)}${text.slice(close)}`;
    const inner = indent + (unit ?? "  ");
    return `${text.slice(0, at + 1)}\n${inner}${render(name, value, unit ?? "  ", inner)}\n${indent}${text.slice(close)}`;
  }
  const own = indentBefore(text, last.start);
  const gap = own === undefined ? (/^,\s/.test(text.slice(last.end)) || members.length === 1 ? " " : "") : `\n${own}`;
  return `${text.slice(0, last.end)},${gap}${render(name, value, unit, own)}${text.slice(last.end)}`;
}

/** With its comma, and the line it was alone on. */
function remove(text: string, at: number, members: readonly Member[], member: Member): string {
  const i = members.indexOf(member);
  const before = members[i - 1];
  const after = members[i + 1];
  if (before !== undefined) return text.slice(0, before.end) + text.slice(member.end);
  if (after !== undefined) return text.slice(0, member.start) + text.slice(after.start);
  return text.slice(0, at + 1) + text.slice(text.indexOf("}", member.end));
}

const render = (name: string, value: unknown, unit: string | undefined, indent?: string) =>
  `${JSON.stringify(name)}: ${write(value, unit, indent)}`;

/** Over several lines where its neighbours have one each. */
const write = (value: unknown, unit: string | undefined, indent: string | undefined) =>
  indent === undefined || unit === undefined
    ? JSON.stringify(value)
    : JSON.stringify(value, undefined, unit).replaceAll("\n", `\n${indent}`);

/** The spaces before `at` when nothing else is before it on its line. */
const indentBefore = (text: string, at: number) => /\n([ \t]*)$/.exec(text.slice(0, at))?.[1];

/** What the text indents its first member with; undefined when that is not on a line of its own. */
const unitOf = (text: string) => /^\s*\{\s*?\n([ \t]+)"/.exec(text)?.[1];

function membersOf(text: string, at: number): Member[] {
  const members: Member[] = [];
  for (let next = skipSpace(text, at + 1); text[next] === '"'; ) {
    const start = next;
    const nameEnd = skipString(text, start);
    const value = skipSpace(text, skipSpace(text, nameEnd) + 1);
    const end = skipValue(text, value);
    members.push({ name: JSON.parse(text.slice(start, nameEnd)), start, value, end });
    next = skipSpace(text, end);
    if (text[next] === ",") next = skipSpace(text, next + 1);
  }
  return members;
}

const skip = (text: string, at: number, pattern: RegExp) => {
  pattern.lastIndex = at;
  return pattern.test(text) ? pattern.lastIndex : at;
};

const skipSpace = (text: string, at: number) => skip(text, at, /[ \t\r\n]*/y);

function skipString(text: string, at: number): number {
  let end = at + 1;
  while (end < text.length && text[end] !== '"') end += text[end] === "\\" ? 2 : 1;
  return end + 1;
}

function skipValue(text: string, at: number): number {
  if (text[at] === '"') return skipString(text, at);
  if (text[at] !== "{" && text[at] !== "[") return skip(text, at, /[^\s,\]}]*/y);
  let end = at;
  for (let depth = 0; end < text.length; ) {
    const character = text[end];
    if (character === '"') end = skipString(text, end);
    else {
      if (character === "{" || character === "[") depth++;
      if (character === "}" || character === "]") depth--;
      end++;
      if (depth === 0) break;
    }
  }
  return end;
}
