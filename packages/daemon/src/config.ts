import { existsSync, readFileSync } from "node:fs";
import { Command, Option } from "commander";

/** Everything skepd can be told, checked and frozen; read once, passed down in parts. */
export interface DaemonConfig {
  readonly dataRoot: string;
  /** `unix:///path` or `tcp://address:port`. */
  readonly hosts: readonly string[];
  /** The local Docker Engine's socket. */
  readonly engine: string;
  readonly pidfile?: string;
  /** Group that may use the unix sockets; a name or a number. */
  readonly group?: string;
  readonly logLevel: LogLevel;
  readonly tls?: TlsFiles;
}

export interface TlsFiles {
  readonly caCert: string;
  readonly cert: string;
  readonly key: string;
}

const logLevels = ["debug", "info", "warn", "error"] as const;
type LogLevel = (typeof logLevels)[number];

export const defaultConfigFile = "/etc/skep/skepd.json";

/** A setting that cannot be used; the message says which and what to do. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
}

/** The names of the config file, which are those of the flags. */
interface Settings {
  "data-root"?: string;
  hosts?: string[];
  engine?: string;
  pidfile?: string;
  group?: string;
  "log-level"?: string;
  tlsverify?: boolean;
  tlscacert?: string;
  tlscert?: string;
  tlskey?: string;
}

const settingTypes: Record<keyof Settings, "string" | "strings" | "boolean"> = {
  "data-root": "string",
  hosts: "strings",
  engine: "string",
  pidfile: "string",
  group: "string",
  "log-level": "string",
  tlsverify: "boolean",
  tlscacert: "string",
  tlscert: "string",
  tlskey: "string",
};

export function daemonCommand(version: string): Command {
  const collect = (value: string, all: string[] | undefined) => [...(all ?? []), value];
  return new Command("skepd")
    .description("skep's node daemon: the Docker Engine API with a swarm behind it, beside the node's Docker Engine")
    .version(version, "--version")
    .option("--data-root <dir>", "where the node's state lives (default: /var/lib/skep)")
    .option(
      "-H, --host <url>",
      "serve the API here; may be given several times: unix:///path or tcp://address:port (default: unix:///run/skep/docker.sock)",
      collect,
    )
    .option("--engine <socket>", "the node's Docker Engine (default: /var/run/docker.sock)")
    .option("--pidfile <file>", "write the process id here while running")
    .option("-G, --group <group>", "group that may use the unix sockets (default: root only)")
    .addOption(new Option("--log-level <level>", "least severe message to log (default: info)").choices(logLevels))
    .option("--tlsverify", "tcp sockets demand a client certificate signed by --tlscacert")
    .option("--tlscacert <file>", "certificate authority of the API's clients (PEM)")
    .option("--tlscert <file>", "the API's own certificate (PEM)")
    .option("--tlskey <file>", "its key (PEM)")
    .option("--config <file>", `settings as JSON (default: ${defaultConfigFile}, if it is there)`)
    .allowExcessArguments(false)
    .addHelpText("after", configHelp);
}

const configHelp = `
The config file is a JSON object with the long names of the flags; -H is "hosts", a list. A flag wins over the file:

  {
    "data-root": "/var/lib/skep",
    "hosts": ["unix:///run/skep/docker.sock", "tcp://0.0.0.0:2376"],
    "tlsverify": true,
    "tlscacert": "/etc/skep/ca.pem", "tlscert": "/etc/skep/cert.pem", "tlskey": "/etc/skep/key.pem"
  }

The engine must not be in swarm mode itself. Logs go to stdout, one JSON object a line.
Then: export DOCKER_HOST=unix:///run/skep/docker.sock; docker swarm init
`;

/** Flags over config file over defaults. Throws `ConfigError`. */
export function resolveConfig(flags: Readonly<Record<string, unknown>>): DaemonConfig {
  const settings = { ...readConfigFile(flags.config as string | undefined), ...settingsOf(flags) };
  const hosts = settings.hosts ?? ["unix:///run/skep/docker.sock"];
  for (const host of hosts) checkHost(host);
  const tls = tlsOf(settings);
  return Object.freeze({
    dataRoot: settings["data-root"] ?? "/var/lib/skep",
    hosts,
    engine: (settings.engine ?? "/var/run/docker.sock").replace(/^unix:\/\//, ""),
    logLevel: logLevelOf(settings["log-level"] ?? "info"),
    ...(settings.pidfile === undefined ? {} : { pidfile: settings.pidfile }),
    ...(settings.group === undefined ? {} : { group: settings.group }),
    ...(tls === undefined ? {} : { tls }),
  });
}

function settingsOf(flags: Readonly<Record<string, unknown>>): Settings {
  const named: Record<string, unknown> = {
    "data-root": flags.dataRoot,
    hosts: flags.host,
    "log-level": flags.logLevel,
  };
  for (const name of ["engine", "pidfile", "group", "tlsverify", "tlscacert", "tlscert", "tlskey"]) {
    named[name] = flags[name];
  }
  return Object.fromEntries(Object.entries(named).filter(([, value]) => value !== undefined)) as Settings;
}

function readConfigFile(given: string | undefined): Settings {
  const path = given ?? defaultConfigFile;
  if (given === undefined && !existsSync(path)) return {};
  let content: unknown;
  try {
    content = JSON.parse(readFileSync(path, "utf8"));
  } catch (error) {
    throw new ConfigError(`config file ${path}: ${(error as Error).message}`);
  }
  if (content === null || typeof content !== "object" || Array.isArray(content)) {
    throw new ConfigError(`config file ${path}: expected one JSON object`);
  }
  for (const [name, value] of Object.entries(content)) checkSetting(path, name, value);
  return content as Settings;
}

function checkSetting(path: string, name: string, value: unknown): void {
  const wanted = settingTypes[name as keyof Settings];
  if (wanted === undefined) {
    throw new ConfigError(
      `config file ${path}: unknown setting "${name}"; known: ${Object.keys(settingTypes).join(", ")}`,
    );
  }
  const fits =
    wanted === "strings"
      ? Array.isArray(value) && value.every((item) => typeof item === "string")
      : typeof value === wanted;
  if (!fits) {
    const expected = wanted === "strings" ? "a list of strings" : `a ${wanted}`;
    throw new ConfigError(`config file ${path}: "${name}" must be ${expected}`);
  }
}

function checkHost(host: string): void {
  if (/^unix:\/\/\/.+/.test(host)) return;
  if (/^tcp:\/\/(\[[0-9a-fA-F:]+\]|[^:/]*):\d{1,5}$/.test(host)) return;
  throw new ConfigError(`host "${host}": expected unix:///path or tcp://address:port`);
}

function logLevelOf(level: string): LogLevel {
  const known = logLevels.find((candidate) => candidate === level);
  if (known === undefined) throw new ConfigError(`log level "${level}": expected one of ${logLevels.join(", ")}`);
  return known;
}

function tlsOf(settings: Settings): TlsFiles | undefined {
  const { tlsverify, tlscacert, tlscert, tlskey } = settings;
  if (!tlsverify && !tlscacert && !tlscert && !tlskey) return undefined;
  if (!tlscacert || !tlscert || !tlskey) {
    throw new ConfigError("TLS needs all three of --tlscacert, --tlscert and --tlskey");
  }
  return { caCert: tlscacert, cert: tlscert, key: tlskey };
}
