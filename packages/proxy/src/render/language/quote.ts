import { DomainError } from "@skep/model";

/*
 * Every value that comes from a service goes into haproxy.cfg by one of these functions. Each gives the text of one word
 * or a few, or refuses with a DomainError whose message begins with `what`, the parameter's name.
 */

export function refuse(what: string, text: string, why: string): never {
  const shown = text.length > 60 ? `${text.slice(0, 60)}…` : text;
  throw new DomainError("invalid-parameter", `${what} ${JSON.stringify(shown)}: ${why}`);
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const control = /[\u0000-\u0008\u000a-\u001f\u007f]/;
const bare = /^[\w.,:;=+*/@%^$()[\]{}<>?!|&~\u0080-\uffff-]+$/;

/** Any text as one word of a line, quoted where HAProxy's words need it (`configuration.txt` 2.2). */
export function word(what: string, text: string): string {
  if (bare.test(text)) return text;
  if (control.test(text)) refuse(what, text, "control characters cannot be part of HAProxy's config");
  return text.includes("'") ? `"${text.replace(/[\\"$]/g, "\\$&")}"` : `'${text}'`;
}

/** Patterns at the end of an `acl` line. The first of them would be a flag if it began with a dash. */
export function patterns(what: string, texts: readonly string[]): string[] {
  const words = texts.map((text) => word(what, text));
  return texts[0]?.startsWith("-") ? ["--", ...words] : words;
}

/** A value inside `{ }`, where a brace or a dash of its own would not be a value. */
export function braced(what: string, text: string): string {
  return /^[{}-]/.test(text) || text === "" ? refuse(what, text, "cannot be matched") : word(what, text);
}

/** Of a section, a server, an ACL. */
export const identifier = (what: string, text: string): string =>
  /^[\w.:-]{1,200}$/.test(text) ? text : refuse(what, text, 'a name has letters, digits, "-", "_", "." and ":" only');

export const portNumber = (what: string, text: string | number): number =>
  /^\d{1,5}$/.test(`${text}`) && Number(text) >= 1 && Number(text) <= 65_535
    ? Number(text)
    : refuse(what, `${text}`, "a port is a number from 1 to 65535");

/** A name or an address that a server can have; never a socket's path, a file descriptor or a prefix such as `unix@`. */
export function host(what: string, text: string): string {
  if (/^[0-9a-fA-F.]*:[0-9a-fA-F:.]*:[0-9a-fA-F:.]*$/.test(text)) return `[${text}]`;
  const labels = text.replace(/\.$/, "").split(".");
  if (text.length <= 253 && labels.every((label) => /^[\w-]{1,63}$/.test(label))) return text;
  return refuse(what, text, "neither a host name nor an address");
}

/** Seconds as HAProxy takes them: its timers end at 2^31 ms. */
export const seconds = (what: string, text: string | number): string =>
  /^\d{1,7}$/.test(`${text}`) && Number(text) <= 2_147_483
    ? `${Number(text)}s`
    : refuse(what, `${text}`, "a time is a number of seconds");

/** A header's name. */
export const headerName = (what: string, text: string): string =>
  /^[\w!*+.^|~-]{1,200}$/.test(text) ? text : refuse(what, text, "not a header's name");

/**
 * HAProxy's own words, as `hdr_beg(host) -i`, `leastconn` or `text/css text/html`: letters first, nothing that a quote
 * would be needed for, and no flag that reads a file.
 */
export function phrase(what: string, text: string): string {
  if (/^[a-z][a-z_]*(\([a-z]*\))?$/.test(text)) return text;
  const words = text.split(/[ \t]+/).filter((each) => each !== "");
  const fine = words.every((each) => /^[\w.,:;()/*@+-]+$/.test(each) && !/^-[fMu]/.test(each));
  return fine && /^[a-zA-Z]/.test(words[0] ?? "") && words.length <= 20
    ? words.join(" ")
    : refuse(what, text, "not in HAProxy's language");
}

export const oneOf = <T extends string>(what: string, text: string, allowed: readonly T[]): T =>
  allowed.find((each) => each === text) ?? refuse(what, text, `one of ${allowed.join(", ")}`);

/** A line of HAProxy's language, as the operator wrote it. */
export function rawLine(what: string, text: string): string {
  const line = text.trim();
  return control.test(line) ? refuse(what, text, "control characters cannot be part of HAProxy's config") : line;
}
