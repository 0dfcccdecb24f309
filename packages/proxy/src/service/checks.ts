import { isIPv6 } from "node:net";
import { posix } from "node:path";
import { haproxyWords } from "./haproxy-words.ts";
import { subnetOf } from "./subnet.ts";

/** Why a value cannot be used, as the end of a sentence that begins with the value; undefined when it can. */
export type Check = (text: string) => string | undefined;

export const matching =
  (pattern: RegExp, reason: string): Check =>
  (text) =>
    pattern.test(text) ? undefined : reason;

/** What HAProxy takes in names of sections, ACLs and servers; 200 leaves room for what is added to them. */
export const checkName = matching(
  /^\w[\w.:-]{0,199}$/,
  "must be a name: at most 200 letters, digits and _ . : -, with a letter, a digit or _ first",
);

export const checkWord = matching(/^[\w.-]+$/, "must be one word");

export const checkSecretName = matching(/^[\w.-]{1,64}$/, "must be a secret's name: letters, digits and _ . -");

/** Blanks separate patterns in HAProxy, and no request's path or host has one. */
export const checkPattern = matching(/^[^\s]+$/, "must not contain blanks");

/** A host, with a port or not, and `*` in front for all hosts below it. Regular expressions are checked as patterns. */
export const checkDomain = matching(
  /^\**[\w.-]+(:\d{1,5})?$|^\[[\da-fA-F:.]+\](:\d{1,5})?$/,
  "must be a host name, with * in front or not",
);

export const checkHost: Check = (text) =>
  isIPv6(text) || /^\w([\w.-]{0,252}\w)?\.?$/.test(text) ? undefined : "must be a host name or an address";

export const checkMethod = matching(/^[A-Za-z][A-Za-z-]{0,31}$/, "must be an HTTP method");

export const checkSubnet: Check = (text) =>
  subnetOf(text) === undefined ? "must be a subnet such as 10.0.0.0/8, or an address" : undefined;

/** A fetch with converters and flags: `hdr(host),field(1,:)`, `req_ssl_sni -i -m beg`. No flag that reads a file. */
export const checkFetch = matching(
  /^[a-z][\w.,:()-]*( -(i|n|m [a-z]+))*$/,
  "must be a matcher of HAProxy such as path_beg or hdr(host)",
);

export const checkRedirectCode = matching(/^30[12378]$/, "must be 301, 302, 303, 307 or 308");

export const checkBalance = matching(/^[a-z][\w().,-]*( [\w().,-]+)*$/, "must be a balance algorithm of HAProxy");

export const checkCompressionAlgo = matching(
  /^(identity|gzip|deflate|raw-deflate)( (identity|gzip|deflate|raw-deflate))*$/,
  "must be identity, gzip, deflate or raw-deflate",
);

export const checkCompressionType = matching(
  /^[\w.+-]+\/[\w.+*-]+( [\w.+-]+\/[\w.+*-]+)*$/,
  "must be media types, separated by blanks",
);

export const headerName = /^[\w!*+.^|~-]{1,200}$/;

/** `Name value [if condition]`, as HAProxy's `add-header` and `set-header` take it. */
export const checkHeader: Check = (text) => {
  const words = haproxyWords(text);
  if (words === undefined) return "has a quote that is not closed";
  const [name = "", value = ""] = words;
  return headerName.test(name) && value !== "" ? undefined : 'must be a header\'s name and its value: "X-Version 3"';
};

/** `Name [-m match] [if condition]`, as HAProxy's `del-header` takes it. */
export const checkHeaderName: Check = (text) => {
  const [name = "", ...rest] = haproxyWords(text) ?? [];
  const [condition = "if"] = rest[0] === "-m" ? rest.slice(2) : rest;
  return headerName.test(name) && /^(if|unless)$/.test(condition) ? undefined : "must be a header's name";
};

/** Words that begin a section of the config wherever they stand. */
const sections =
  /^(global|defaults|frontend|backend|listen|userlist|peers|resolvers|mailers|cache|program|ring|http-errors|log-forward|log-profile|fcgi-app|crt-store|traces|acme)$/;

/** A line that is valid in a backend and stays in it. */
export const checkBackendLine: Check = (text) => {
  const words = haproxyWords(text);
  if (words === undefined) return "has a quote that is not closed";
  const [first] = words;
  if (first === undefined) return undefined;
  if (sections.test(first)) return "must not begin another section of the config";
  return /^[a-z][\w.-]*$/.test(first) ? undefined : "must begin with a keyword of HAProxy";
};

const systemFolders = /^\/(boot|certs|dev|etc|proc|root|run|sys|var\/(lib|log|run))(\/|$)/;

/** A template's path. With no `folders` it may be anywhere but where the system keeps its own things. */
export function checkTemplatePath(text: string, folders: readonly string[]): string | undefined {
  if (!text.startsWith("/") || /\s/.test(text)) return "must be an absolute path without blanks";
  const path = posix.normalize(text);
  if (systemFolders.test(path)) return "must not be in a folder of the system";
  const allowed = folders.length === 0 || folders.some((folder) => path.startsWith(`${folder.replace(/\/+$/, "")}/`));
  return allowed ? undefined : `must be in ${folders.join(" or ")}`;
}
