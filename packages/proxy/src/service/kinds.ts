import { type Check, checkTemplatePath, headerName } from "./checks.ts";
import { malformed, ParameterError } from "./parameter-error.ts";
import type { ParseContext } from "./parse-context.ts";
import { hasControl, isYes, parseGoBoolean, splitList } from "./plain-text.ts";
import { parseRewrites } from "./rewrites.ts";
import type { Rewrite } from "./service.ts";

/** What a parameter's text means. */
export interface Kind<Value> {
  /** For the reference. */
  readonly title: string;
  /** The value of a parameter that is not given. */
  readonly absent: Value;
  /** Throws ParameterError, naming `parameter`. */
  readonly parse: (text: string, parameter: string, context: ParseContext) => Value;
}

const maxBytes = 64 * 1024;
const maxCertificateBytes = 1024 * 1024;

/** Throws what holds of any value: it has a size that a config can hold, and it stays on its line. */
function checkPlain(text: string, parameter: string, limit = maxBytes): void {
  if (Buffer.byteLength(text) > limit) {
    throw new ParameterError(400, `${parameter} is longer than ${limit / 1024} kB`);
  }
  if (limit === maxBytes && hasControl(text)) {
    throw malformed(parameter, text, "must not contain line ends or other control characters");
  }
}

function checked(text: string, parameter: string, check: Check): string {
  checkPlain(text, parameter);
  const reason = check(text);
  if (reason !== undefined) throw malformed(parameter, text, reason);
  return text;
}

const anything: Check = () => undefined;

export const line = (title: string, check: Check = anything): Kind<string> => ({
  title,
  absent: "",
  parse: (text, parameter) =>
    checked(text.trim(), parameter, (trimmed) => (trimmed === "" ? undefined : check(trimmed))),
});

/** Blanks around it count. */
export const exactLine: Kind<string> = {
  title: "text",
  absent: "",
  parse: (text, parameter) => checked(text, parameter, anything),
};

export const list = (title: string, check: Check = anything): Kind<readonly string[]> => ({
  title: `list of ${title}`,
  absent: [],
  parse: (text, parameter, { separator }) => {
    checkPlain(text.trim(), parameter);
    return splitList(text, separator).map((item) => checked(item, parameter, check));
  },
});

/** Whatever is not a true of Go's is false. */
export const flag: Kind<boolean> = {
  title: "boolean",
  absent: false,
  parse: (text) => parseGoBoolean(text.trim()) ?? false,
};

/** Of services, not of destinations: `on` is true as well. */
export const serviceFlag: Kind<boolean> = {
  ...flag,
  parse: (text) => isYes(text.trim()),
};

const isWhole = (text: string, max: number) => /^\d{1,9}$/.test(text) && Number(text) <= max;

function whole(text: string, parameter: string, min: number, max: number): number {
  if (isWhole(text, max) && Number(text) >= min) return Number(text);
  throw malformed(parameter, text, `must be a whole number from ${min} to ${max}`);
}

const maxPort = 65_535;

/** As text, because the original's answers have it so. */
export const port: Kind<string> = {
  title: "port",
  absent: "",
  parse: (text, parameter) => (text.trim() === "" ? "" : String(whole(text.trim(), parameter, 1, maxPort))),
};

/** 0 stands for none. */
export const otherPort: Kind<number> = {
  title: "port",
  absent: 0,
  parse: (text, parameter) => whole(text.trim() || "0", parameter, 0, maxPort),
};

/** More would only fill memory: HAProxy makes a server for each. */
const maxReplicas = 10_000;

export const replicas: Kind<number | undefined> = {
  title: "number",
  absent: undefined,
  parse: (text, parameter) => (text.trim() === "" ? undefined : whole(text.trim(), parameter, 0, maxReplicas)),
};

/** 0 stands for no limit. */
export const connections: Kind<number> = {
  title: "number",
  absent: 0,
  parse: (text, parameter) => whole(text.trim() || "0", parameter, 0, 1_000_000),
};

/** HAProxy counts milliseconds in 31 bits. */
const maxSeconds = 2_147_483;

export const seconds: Kind<string> = {
  title: "seconds",
  absent: "",
  parse: (text, parameter) => (text.trim() === "" ? "" : String(whole(text.trim(), parameter, 0, maxSeconds))),
};

/** One of `values`, in any case; each stands for itself, or for what is given in `means`. */
export function choice<Value extends string>(values: Readonly<Record<string, Value>>, absent: Value): Kind<Value> {
  const names = Object.keys(values);
  return {
    title: names.join(", "),
    absent,
    parse: (text, parameter) => {
      const key = text.trim().toLowerCase();
      if (key === "") return absent;
      const value = Object.hasOwn(values, key) ? values[key] : undefined;
      if (value === undefined) throw malformed(parameter, text, `must be one of ${names.join(", ")}`);
      return value;
    },
  };
}

/** `Name:value`; items with no colon or several are dropped, as the original does. */
export const headerConditions: Kind<Readonly<Record<string, string>>> = {
  title: "list of Name:value",
  absent: {},
  parse: (text, parameter, { separator }) => {
    checkPlain(text.trim(), parameter);
    const pairs = splitList(text, separator).map((item) => item.split(":").map((part) => part.trim()));
    const usable = pairs.filter((pair) => pair.length === 2);
    const wrong = usable.find(([name = "", value = ""]) => !headerName.test(name) || value === "");
    if (wrong !== undefined) throw malformed(parameter, wrong.join(":"), "must be a header's name and its value");
    return Object.fromEntries(usable);
  },
};

export const rewrites: Kind<readonly Rewrite[]> = {
  title: "search,replace[:search,replace...]",
  absent: [],
  parse: (text, parameter) => {
    checkPlain(text, parameter);
    return parseRewrites(text, parameter);
  },
};

export const templatePath: Kind<string> = {
  title: "path",
  absent: "",
  parse: (text, parameter, { templateFolders }) =>
    checked(text.trim(), parameter, (path) => (path === "" ? undefined : checkTemplatePath(path, templateFolders))),
};

/** Labels hold no line ends, so `\n` stands for one. */
export const certificate: Kind<string> = {
  title: "PEM with \\n for line ends",
  absent: "",
  parse: (text, parameter) => {
    checkPlain(text, parameter, maxCertificateBytes);
    const pem = text.replaceAll("\\n", "\n");
    if (/[^\t\r\n\u0020-\u007e]/.test(pem)) throw new ParameterError(400, `${parameter} is not PEM text`);
    return pem;
  },
};

/** Parsed later, when all that concerns users is known. */
export const userList: Kind<string> = {
  title: "list of name:password or name",
  absent: "",
  parse: (text, parameter) => {
    if (Buffer.byteLength(text) > maxBytes) throw new ParameterError(400, `${parameter} is longer than 64 kB`);
    return text;
  },
};
