import { chownSync, mkdirSync, readFileSync } from "node:fs";
import { flushCompileCache } from "node:module";
import { dirname } from "node:path";
import type { AttachmentChange } from "@skep/agent";
import {
  type ApiServer,
  attachmentEvent,
  ClusterEventLog,
  clusterRoutes,
  createApiServer,
  doctorRoute,
  type ListenTarget,
} from "@skep/api";
import { type Engine, HttpEngine } from "@skep/engine";
import { type Logger, systemClock } from "@skep/model";
import { splitHostPort } from "./addresses.ts";
import { ConfigError, type DaemonConfig, type TlsFiles } from "./config.ts";
import { lockDataRoot } from "./data-root.ts";
import { examine } from "./doctor/examine.ts";
import { NetworkRole } from "./network-role.ts";
import { writePidfile } from "./pidfile.ts";
import { preflight } from "./preflight.ts";
import { SwarmMember } from "./swarm-member.ts";
import type { OpenNetwork } from "./worker-role.ts";

/** What does not outlive a boot, as the containers of its node do not. */
const runRoot = "/run/skep";

/**
 * Serves until `signal` aborts, then stops cleanly; containers run on. Rejects when it cannot start, and when the store
 * breaks: whoever started it is to start it again.
 */
export async function runDaemon(config: DaemonConfig, logger: Logger, signal: AbortSignal): Promise<void> {
  const clock = systemClock;
  const targets = config.hosts.map((host) => listenTarget(host, config.tls));
  using _lock = lockDataRoot(config.dataRoot);
  using _pidfile = config.pidfile === undefined ? undefined : writePidfile(config.pidfile);
  const engine = new HttpEngine(config.engine);
  const events = new ClusterEventLog(clock, logger);
  const broken = Promise.withResolvers<never>();
  const onBroken = broken.reject;
  const { dataRoot } = config;
  const onAttachment = (change: AttachmentChange) => events.add(attachmentEvent(change, clock.now()));
  const openNetwork: OpenNetwork = (parts) =>
    NetworkRole.open({ ...parts, dataRoot, runRoot, engine, clock, logger, onAttachment });
  const swarm = new SwarmMember({ dataRoot, engine, openNetwork, events, onBroken, clock, logger });
  const findings = () => examine({ preflight: () => preflight(engine, config.engine), ...swarm.examined, clock });
  const routes = [...clusterRoutes({ swarm, clock }), doctorRoute(findings)];
  const api = createApiServer({ engine: config.engine, swarm, routes, events, clock, logger });
  try {
    await swarm.start();
    for (const target of targets) await serve(api, target, config, logger);
    logger.info({ dataRoot: config.dataRoot, pid: process.pid }, "skepd is up");
    flushCompileCache(); // not at the end, which may be a SIGKILL
    await reportShortcomings(engine, config.engine, logger);
    await Promise.race([aborted(signal), broken.promise]);
    logger.info({}, "skepd is stopping; containers run on");
  } finally {
    await api.close();
    await swarm.stop();
  }
}

async function serve(api: ApiServer, target: ListenTarget, config: DaemonConfig, logger: Logger): Promise<void> {
  if ("socketPath" in target) mkdirSync(dirname(target.socketPath), { recursive: true });
  const address = await api.listen(target);
  if ("socketPath" in target && config.group !== undefined) chownSync(target.socketPath, 0, groupId(config.group));
  logger.info({ address }, "API is served");
}

async function reportShortcomings(engine: Engine, socket: string, logger: Logger): Promise<void> {
  for (const { what, advice } of await preflight(engine, socket))
    logger.error({ what, advice }, "this node lacks something");
}

function listenTarget(host: string, tls: TlsFiles | undefined): ListenTarget {
  if (host.startsWith("unix://")) return { socketPath: host.slice("unix://".length) };
  const { host: address, port } = splitHostPort(host.slice("tcp://".length));
  return { host: address || "0.0.0.0", port: Number(port), ...(tls && { tls: readTls(tls) }) };
}

const readTls = ({ caCert, cert, key }: TlsFiles) => ({
  ca: readPem(caCert, "--tlscacert"),
  cert: readPem(cert, "--tlscert"),
  key: readPem(key, "--tlskey"),
});

function readPem(path: string, flag: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    throw new ConfigError(`${flag} ${path}: ${(error as Error).message}`);
  }
}

function groupId(group: string): number {
  if (/^\d+$/.test(group)) return Number(group);
  const line = readFileSync("/etc/group", "utf8")
    .split("\n")
    .find((entry) => entry.startsWith(`${group}:`));
  const id = line?.split(":")[2];
  if (id === undefined)
    throw new ConfigError(`group ${group} does not exist: create it (groupadd ${group}), or leave -G out`);
  return Number(id);
}

const aborted = (signal: AbortSignal) =>
  new Promise<void>((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
