import manifest from "../package.json" with { type: "json" };
import { ConfigError, daemonCommand, resolveConfig } from "./config.ts";
import { runDaemon } from "./daemon.ts";
import { DataRootBusy } from "./data-root.ts";
import { createLogger } from "./logging.ts";

const flags = daemonCommand(manifest.version).parse().opts();

function refuse(error: unknown): never {
  const isPlain = error instanceof ConfigError || error instanceof DataRootBusy;
  process.stderr.write(`skepd: ${isPlain ? (error as Error).message : ((error as Error).stack ?? error)}\n`);
  process.exit(1);
}

try {
  const config = resolveConfig(flags);
  const logger = createLogger(config.logLevel);
  const stopping = new AbortController();
  for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => stopping.abort());
  process.on("uncaughtException", (err) => {
    logger.error({ err }, "skepd has a bug and ends; containers run on, start it again");
    process.exit(1);
  });
  await runDaemon(config, logger, stopping.signal);
  process.exit(0);
} catch (error) {
  refuse(error);
}
