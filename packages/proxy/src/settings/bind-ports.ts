import type { BindPort, CapturedHeader } from "./haproxy-settings.ts";
import type { Variables } from "./variables.ts";

const allowed = "ports with what else their bind line holds (80, 443:ssl, 443 accept-proxy:ssl), separated by commas";

/** Of `DEFAULT_PORTS` and `BIND_PORTS`. */
export const readBindPorts = (variables: Variables, name: string, otherwise: string): BindPort[] =>
  variables.list(name, otherwise).map((text) => bindPortOf(text) ?? variables.refuse(name, text, allowed));

/** Undefined when it does not begin with a port. */
export function bindPortOf(text: string): BindPort | undefined {
  const [port = "", ...options] = text
    .replace(/:ssl(?!\w)/, " ")
    .trim()
    .split(/\s+/);
  const ends = port.split("-");
  if (ends.length > 2 || !ends.every(isPort)) return undefined;
  return { port, options: options.join(" "), ssl: /:ssl(?!\w)/.test(text) };
}

export const isPort = (text: string): boolean => /^\d{1,5}$/.test(text) && Number(text) >= 1 && Number(text) <= 65_535;

export const readPorts = (variables: Variables, name: string): number[] =>
  variables
    .list(name)
    .map((text) => (isPort(text) ? Number(text) : variables.refuse(name, text, "ports, separated by commas")));

/** `Name:length`, as HAProxy's `capture request header` takes them. */
export const readCaptures = (variables: Variables): CapturedHeader[] =>
  variables.list("CAPTURE_REQUEST_HEADER").map((text) => {
    const [, name, length] = /^([\w!#$%&'*+.^`|~-]+)\s*:\s*([1-9]\d{0,3})$/.exec(text) ?? [];
    if (name !== undefined && length !== undefined) return { name, length: Number(length) };
    return variables.refuse("CAPTURE_REQUEST_HEADER", text, "headers with a length (Host:64), separated by commas");
  });
