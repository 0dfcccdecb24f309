import type { Blame, Rendered } from "../render/rendered.ts";

/** One complaint of HAProxy about a configuration. */
export interface Alert {
  /** Without the severity and the process id; several lines when HAProxy needs them. */
  readonly message: string;
  /** Of the config, from 1: where HAProxy stumbled, then others that it mentions. Empty when it names none. */
  readonly lines: readonly number[];
}

/** Why a configuration is refused. */
export interface CheckFailure {
  readonly alerts: readonly Alert[];
}

export const failureText = ({ alerts }: CheckFailure): string => alerts.map(({ message }) => message).join("\n");

/** What follows from the alerts before it and says nothing by itself. */
const isSummary = (message: string) =>
  /^(config : )?(Error\(s\) found in configuration file|Fatal errors found in configuration)/.test(message);

/** `[ALERT]    (123) : config : parsing [/cfg/haproxy.cfg:33] : unknown keyword` */
const reportLine = /^\[(?<severity>[A-Z]+)\]\s+(?:\S+\s+)?\(\d+\) : (?<message>.*)$/;

/** The alerts among HAProxy's messages; `path` is the file that was checked, and `shownAs` its name for the operator. */
export function parseAlerts(stderr: string, path: string, shownAs: string = path): Alert[] {
  const messages: string[] = [];
  let isAlert = false;
  for (const line of stderr.split("\n")) {
    const report = reportLine.exec(line)?.groups;
    if (report) {
      isAlert = report.severity === "ALERT" && !isSummary(report.message ?? "");
      if (isAlert) messages.push(report.message ?? "");
    } else if (isAlert && line.trim() !== "") messages.push(`${messages.pop()}\n${line.trimEnd()}`);
  }
  return messages.map((message) => ({
    message: message.replaceAll(path, shownAs).replace(/^config : /, ""),
    lines: linesIn(message, path),
  }));
}

/** `[/cfg/haproxy.cfg:33]`, `declared at /cfg/haproxy.cfg:22`, `already defined at line 29` */
function linesIn(message: string, path: string): number[] {
  const afterPath = message.split(`${path}:`).slice(1);
  const afterWord = message.split(" line ").slice(1);
  return [...afterPath, ...afterWord].map((text) => Number.parseInt(text, 10)).filter((line) => line > 0);
}

/**
 * The services that an alert is about, the likeliest first: by its lines, else by the sections that it names, else by a
 * word that only one service uses. Empty when nobody can be told.
 */
export function blamedServices(alert: Alert, rendered: Pick<Rendered, "config" | "blame">): string[] {
  const byLine = alert.lines.flatMap((line) => servicesAt([line], rendered.blame));
  if (byLine.length > 0) return [...new Set(byLine)];
  const lines = rendered.config.split("\n");
  const quoted = [...alert.message.matchAll(/'([^']+)'/g)].map(([, text = ""]) => text);
  const sections = new Set(quoted.flatMap((text) => [text, sectionOf(text)]));
  const bySection = servicesAt(
    linesWhere(lines, (line) => sections.has(sectionStart(line) ?? "")),
    rendered.blame,
  );
  if (bySection.length > 0) return bySection;
  const users = quoted.map((word) =>
    servicesAt(
      linesWhere(lines, (line) => line.split(/\s+/).includes(word)),
      rendered.blame,
    ),
  );
  return users.find((services) => services.length === 1) ?? [];
}

/** `server go-demo-be8080/go-demo` and `go-demo-be8080/go-demo` are in `go-demo-be8080`. */
const sectionOf = (quoted: string) => (quoted.split(" ").at(-1) ?? "").split("/")[0] ?? "";

const sectionStart = (line: string) => /^(?:backend|frontend|listen|userlist)\s+(\S+)/.exec(line)?.[1];

const linesWhere = (lines: readonly string[], is: (line: string) => boolean) =>
  lines.flatMap((line, i) => (is(line) ? [i + 1] : []));

const servicesAt = (lines: readonly number[], blame: readonly Blame[]) => [
  ...new Set(
    blame
      .filter(({ from, to }) => lines.some((line) => from <= line && line <= to))
      .map(({ serviceName }) => serviceName),
  ),
];
