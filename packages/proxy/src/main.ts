import { readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DomainError, type Logger, systemClock } from "@skep/model";
import { Command } from "commander";
import { pino, stdTimeFunctions } from "pino";
import manifest from "../package.json" with { type: "json" };
import { checkSetup } from "./control/check-setup.ts";
import { runProxy } from "./control/run-proxy.ts";
import { listenOn } from "./listen-on.ts";
import { type ReadSecret, readSettings, SettingsError } from "./settings/index.ts";
import { listenerRoutes, parseListenerSettings, SwarmClient, SwarmListener } from "./sources/index.ts";

// set by bin/skep-proxy for this process, and not for HAProxy
if (process.env.LD_PRELOAD?.endsWith("/libjemalloc.so.2")) {
  delete process.env.LD_PRELOAD;
  delete process.env.MALLOC_CONF;
}

type Flags = Readonly<Record<string, string | readonly string[] | boolean | undefined>>;

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

function optionsOf(flags: Flags) {
  const env = environment(flags);
  const readSecret = secretsIn(env.SECRETS_PATH || "/run/secrets");
  return {
    settings: readSettings(env, readSecret),
    env,
    readSecret,
    haproxy: env.HAPROXY || "haproxy",
    clock: systemClock,
  };
}

const stopSignal = (): AbortSignal => {
  const stopping = new AbortController();
  for (const name of ["SIGTERM", "SIGINT"] as const) process.once(name, () => stopping.abort());
  return stopping.signal;
};

async function serve(flags: Flags): Promise<void> {
  if (flags.check) return check(flags);
  const options = optionsOf(flags);
  const log = createLogger(options.env.LOG_LEVEL || "info");
  await runProxy({ ...options, graceMs: 8000, version: manifest.version, log }, stopSignal());
}

/** Says what is wrong and ends with 1, or says that nothing is. */
async function check(flags: Flags): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "skep-proxy-check-"));
  try {
    const problems = await checkSetup(optionsOf(flags), folder);
    for (const problem of problems) process.stderr.write(`skep-proxy: ${problem}\n`);
    if (problems.length === 0) process.stdout.write("skep-proxy: the configuration is valid\n");
    else process.exitCode = 1;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** The swarm listener alone, for proxies that are told by it. */
async function listen(): Promise<void> {
  const log = createLogger(process.env.LOG_LEVEL || "info");
  const settings = parseListenerSettings(process.env, secretsIn(process.env.SECRETS_PATH || "/run/secrets"));
  const signal = stopSignal();
  using client = new SwarmClient(settings.dockerHost, systemClock);
  const listener = new SwarmListener(client, settings, { clock: systemClock, log });
  const server = createServer(listenerRoutes(listener));
  await listenOn(server, { what: "the swarm listener", port: settings.port, advice: "choose a free one: PORT" });
  signal.addEventListener("abort", () => void server.close());
  await listener.run(signal);
  server.closeAllConnections();
}

const collect = (value: string, all: readonly string[] = []) => [...all, value];

const options = (command: Command) =>
  command
    .option("-i, --ip <address>", "where the control API listens (IP)")
    .option("-p, --port <port>", "port of the control API (PORT)")
    .option("-n, --service-name <name>", "this proxy's own service in the swarm (SERVICE_NAME)")
    .option("-l, --listener-address <address>", "a swarm listener; may be repeated (LISTENER_ADDRESS)", collect)
    .option("-c, --configs-path <folder>", "where haproxy.cfg is kept (CONFIGS_PATH)")
    .option("-t, --templates-path <folder>", "where templates are (TEMPLATES_PATH)")
    .option("--proxy-instance-name <name>", "which proxy this is among several (PROXY_INSTANCE_NAME)");

const program = new Command("skep-proxy")
  .enablePositionalOptions() // or `server --check` would be read as `--check server`, and serve
  .description("The reverse proxy of skep: HAProxy, reconfigured by HTTP requests and by labels of services")
  .version(manifest.version);
options(program.command("server"))
  .description("run HAProxy and the control API")
  .option("--check", "only say whether the configuration is valid")
  .action(serve);
options(program.command("check"))
  .description("say whether the configuration is valid, and change nothing")
  .action(check);
program
  .command("listener")
  .description("tell proxies of the swarm's services, as Docker Flow Swarm Listener does")
  .action(listen);
program.option("--check", "say whether the configuration is valid, and change nothing").action(async (flags: Flags) => {
  if (flags.check) return check(flags);
  program.help({ error: true });
});

try {
  await program.parseAsync();
  process.exit(process.exitCode ?? 0);
} catch (error) {
  const message =
    error instanceof SettingsError || error instanceof DomainError
      ? error.message
      : ((error as Error).stack ?? String(error));
  process.stderr.write(`skep-proxy: ${message}\n`);
  process.exit(1);
}
