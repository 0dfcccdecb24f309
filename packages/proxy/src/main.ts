import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type Logger, systemClock } from "@skep/model";
import { Command } from "commander";
import { pino, stdTimeFunctions } from "pino";
import manifest from "../package.json" with { type: "json" };
import { runProxy } from "./control/run-proxy.ts";
import { type ReadSecret, readSettings, SettingsError } from "./settings/index.ts";

type Flags = Readonly<Record<string, string | readonly string[] | undefined>>;

/** Flags win over the environment, under the names that the original's variables have. */
const variablesOf = (flags: Flags): Record<string, string | undefined> => ({
  IP: flags.ip as string | undefined,
  PORT: flags.port as string | undefined,
  SERVICE_NAME: flags.serviceName as string | undefined,
  LISTENER_ADDRESS: (flags.listenerAddress as readonly string[] | undefined)?.join(","),
  CONFIGS_PATH: flags.configsPath as string | undefined,
  TEMPLATES_PATH: flags.templatesPath as string | undefined,
  PROXY_INSTANCE_NAME: flags.proxyInstanceName as string | undefined,
});

function environment(flags: Flags): Record<string, string | undefined> {
  const given = Object.entries(variablesOf(flags)).filter(([, value]) => value !== undefined);
  return { ...process.env, ...Object.fromEntries(given) };
}

const secretsIn =
  (folder: string): ReadSecret =>
  (name) => {
    try {
      return readFileSync(join(folder, name), "utf8").replace(/\n+$/, "");
    } catch {
      return undefined;
    }
  };

/** One JSON object a line, on stderr: stdout is for the requests' log of HAProxy. */
function createLogger(level: string): Logger {
  const format = { timestamp: stdTimeFunctions.isoTime, formatters: { level: (label: string) => ({ level: label }) } };
  return pino({ level, base: null, ...format }, { write: (line: string) => void process.stderr.write(line) });
}

async function serve(flags: Flags): Promise<void> {
  const env = environment(flags);
  const readSecret = secretsIn(env.SECRETS_PATH || "/run/secrets");
  const settings = readSettings(env, readSecret);
  const stopping = new AbortController();
  for (const name of ["SIGTERM", "SIGINT"] as const) process.once(name, () => stopping.abort());
  const log = createLogger(env.LOG_LEVEL || "info");
  const haproxy = env.HAPROXY || "haproxy";
  await runProxy({ settings, env, readSecret, haproxy, graceMs: 8000, clock: systemClock, log }, stopping.signal);
}

const collect = (value: string, all: readonly string[] = []) => [...all, value];

const program = new Command("skep-proxy")
  .description("The reverse proxy of skep: HAProxy, reconfigured by HTTP requests and by labels of services")
  .version(manifest.version);
program
  .command("server", { isDefault: false })
  .description("run HAProxy and the control API")
  .option("-i, --ip <address>", "where the control API listens (IP)")
  .option("-p, --port <port>", "port of the control API (PORT)")
  .option("-n, --service-name <name>", "this proxy's own service in the swarm (SERVICE_NAME)")
  .option("-l, --listener-address <address>", "a swarm listener; may be repeated (LISTENER_ADDRESS)", collect)
  .option("-c, --configs-path <folder>", "where haproxy.cfg is kept (CONFIGS_PATH)")
  .option("-t, --templates-path <folder>", "where templates are (TEMPLATES_PATH)")
  .option("--proxy-instance-name <name>", "which proxy this is among several (PROXY_INSTANCE_NAME)")
  .action(serve);

try {
  await program.parseAsync();
  process.exit(process.exitCode ?? 0);
} catch (error) {
  const message = error instanceof SettingsError ? error.message : ((error as Error).stack ?? String(error));
  process.stderr.write(`skep-proxy: ${message}\n`);
  process.exit(1);
}
