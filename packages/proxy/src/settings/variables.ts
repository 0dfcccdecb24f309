import type { Check } from "../service/checks.ts";
import { hasControl, quoted, splitList } from "../service/plain-text.ts";

/** A variable that cannot be used; the message says which, and what is allowed. */
export class SettingsError extends Error {
  override readonly name = "SettingsError";
  readonly variable: string;
  /** `value` undefined: it may be a secret, and is not shown. */
  constructor(variable: string, value: string | undefined, allowed: string) {
    super(
      value === undefined
        ? `${variable} must be ${allowed}`
        : `${variable} is ${quoted(value)}, but must be ${allowed}`,
    );
    this.variable = variable;
  }
}

export type ReadSecret = (name: string) => string | undefined;

interface Range {
  readonly min: number;
  readonly max: number;
}

const yes = ["1", "t", "true", "yes", "on"];
const no = ["0", "f", "false", "no", "off"];

/** Whether a variable says no, in whatever letters. */
export const isNo = (value: string): boolean => no.includes(value.toLowerCase());

/**
 * The environment with its secrets: secret `dfp_<name in small letters>` wins, then a variable that is not empty, then the
 * default (`docker-flow-proxy.md` section 2). All methods but `secret` throw SettingsError for what they cannot read.
 */
export class Variables {
  readonly #env: Readonly<Record<string, string | undefined>>;
  readonly #readSecret: ReadSecret;

  constructor(env: Readonly<Record<string, string | undefined>>, readSecret: ReadSecret) {
    this.#env = env;
    this.#readSecret = readSecret;
  }

  /** A secret of exactly that name, without the line ends after it. */
  secret(name: string): string | undefined {
    return this.#readSecret(name)?.replace(/[\r\n]+$/, "");
  }

  /** As it was given, several lines at most. */
  raw(name: string): string | undefined {
    return this.secret(`dfp_${name.toLowerCase()}`) ?? (this.#env[name] || undefined);
  }

  /** One line, trimmed. */
  text(name: string, otherwise = ""): string {
    const value = this.raw(name)?.trim() || otherwise;
    if (hasControl(value)) this.refuse(name, undefined, "one line without control characters");
    return value;
  }

  matching(name: string, pattern: RegExp, allowed: string, otherwise = ""): string {
    const value = this.text(name, otherwise);
    return pattern.test(value) ? value : this.refuse(name, value, allowed);
  }

  /** As a parameter of the same meaning is checked. */
  checked(name: string, check: Check, otherwise = ""): string {
    const value = this.text(name, otherwise);
    const reason = value === "" ? undefined : check(value);
    return reason === undefined ? value : this.refuse(name, value, reason.replace(/^must be /, ""));
  }

  /** Parts between commas, trimmed; empty ones do not count. */
  list(name: string, otherwise = ""): string[] {
    return splitList(this.text(name, otherwise), ",");
  }

  /** Lines of HAProxy, separated by commas or line ends. */
  lines(name: string, otherwise = ""): string[] {
    const value = this.raw(name) ?? otherwise;
    const lines = value.split(/[,\r\n]/).map((line) => line.trim());
    if (lines.some(hasControl)) this.refuse(name, undefined, "lines without control characters");
    return lines.filter((line) => line !== "");
  }

  flag(name: string, otherwise: boolean): boolean {
    const value = this.text(name).toLowerCase();
    if (value === "") return otherwise;
    return yes.includes(value) || (isNo(value) ? false : this.refuse(name, value, "true or false"));
  }

  integer(name: string, otherwise: number, { min, max }: Range): number {
    const value = this.text(name, String(otherwise));
    const number = /^-?\d{1,15}$/.test(value) ? Number(value) : Number.NaN;
    return number >= min && number <= max ? number : this.refuse(name, value, `a whole number from ${min} to ${max}`);
  }

  port(name: string, otherwise: number): number {
    return this.integer(name, otherwise, { min: 1, max: 65_535 });
  }

  /** One of `values`, in any case; returned as listed. */
  choice<Value extends string>(name: string, values: readonly Value[], otherwise: Value): Value {
    const value = this.text(name, otherwise);
    const chosen = values.find((one) => one.toLowerCase() === value.toLowerCase());
    return chosen ?? this.refuse(name, value, `one of ${values.join(", ")}`);
  }

  path(name: string, otherwise: string): string {
    return this.matching(name, /^\/\S*$|^$/, "an absolute path without blanks", otherwise);
  }

  refuse(name: string, value: string | undefined, allowed: string): never {
    throw new SettingsError(name, value, allowed);
  }
}
