import { lookup } from "node:dns/promises";
import { existsSync } from "node:fs";
import { networkInterfaces } from "node:os";
import { join } from "node:path";
import { type Clock, type Logger, pause } from "@skep/model";
import { parseContextOf, type ReadSecret, type Settings, withoutEffect } from "../settings/index.ts";
import { askToNotify, dnsLookUp, parseListenerSettings } from "../sources/index.ts";
import { ApiServer } from "./api/api-server.ts";
import type { ApiParts } from "./api/parts.ts";
import { apiAddresses } from "./api-addresses.ts";
import type { Controller } from "./controller.ts";
import { takeInEnvironment } from "./follow-sources.ts";
import { ReplicaSet } from "./replica-set.ts";
import { ReverseProxy } from "./reverse-proxy.ts";
import { RouteReader } from "./route-reader.ts";
import { RouteSources } from "./route-sources.ts";
import { ServedCertificates } from "./served-certificates.ts";

export interface ProxyOptions {
  readonly settings: Settings;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly readSecret: ReadSecret;
  /** `haproxy`, or a path. */
  readonly haproxy: string;
  /** Requests may take so long to end when the proxy is stopped. */
  readonly graceMs: number;
  /** Of the controller, for the metrics. */
  readonly version: string;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Sources and name servers that cannot be asked are waited for so long at the start. */
const fillMs = 3000;
const retryMs = 60_000;

/**
 * The reverse proxy: HAProxy and what reconfigures it. The control API answers when the routes are live. Resolves when
 * `signal` has aborted and HAProxy is gone.
 */
export async function runProxy(options: ProxyOptions, signal: AbortSignal): Promise<void> {
  const { settings, env, readSecret, graceMs, clock, log } = options;
  for (const [variable, instead] of withoutEffect(env, readSecret, existsSync(settings.paths.baseTemplate)))
    log.warn({ variable, instead }, "a variable of Docker Flow Proxy has no effect here");
  const lookUp = dnsLookUp();
  const context = parseContextOf(settings, readSecret);
  const reader = new RouteReader(context, log);
  const proxy = await ReverseProxy.start({ ...options, lookUp }, signal);
  const listener = parseListenerSettings(env, readSecret);
  const sources = new RouteSources({ proxy, reader, settings, listener, lookUp, clock, log });
  proxy.changed = () => sources.feed.stir();
  try {
    const known = await proxy.saved.restore(proxy.controller, (query) => reader.tryRead(query));
    takeInEnvironment(proxy.controller, env, context);
    const following = Promise.all([sources.run(signal), retry(proxy.controller, clock, signal)]);
    if (!known) await Promise.race([sources.filled.all, pause(clock, fillMs, signal)]);
    await Promise.race([proxy.learnTasks(), pause(clock, fillMs, signal)]);
    await proxy.controller.begin().catch(() => {}); // it is tried again
    const addresses = apiAddresses(settings.control, networkInterfaces());
    const { port } = settings.control;
    await using _api = await ApiServer.listen(apiParts(options, proxy, sources, reader, signal), addresses, port);
    log.info({ addresses, port }, "proxy is ready");
    await following;
  } finally {
    await sources.close();
    await proxy.stop(graceMs);
  }
}

/** What HAProxy has rejected may be right now: a template was mended, a port is free again. */
async function retry(controller: Controller, clock: Clock, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await pause(clock, retryMs, signal);
    if (!signal.aborted && controller.hasRejected) await controller.retry().catch(() => {}); // it is tried again
  }
}

const trueOrFalse = [() => true, () => false] as const;

function apiParts(
  { settings, clock, log }: ProxyOptions,
  proxy: ReverseProxy,
  sources: RouteSources,
  reader: RouteReader,
  signal: AbortSignal,
): ApiParts {
  const { controller, haproxy, certificates, statistics } = proxy;
  const { peers, shared, feed, filled } = sources;
  return {
    controller,
    feed,
    settings: settings.control,
    nameStyle: settings.services.nameStyle,
    parse: (query) => reader.read(query).service,
    resolves: settings.services.skipAddressValidation ? async () => true : (host) => lookup(host).then(...trueOrFalse),
    check: (rendered) => haproxy.check(rendered),
    replicas: new ReplicaSet({
      ...{ peers, shared, isManaged: () => sources.isManaged, log },
      hasTaskAt: (address) => sources.hasTaskAt(address, signal),
    }),
    certificates: new ServedCertificates(certificates, haproxy, clock),
    notifyListeners: () => askToNotify(settings.instance.listeners, { clock, signal }),
    hasBeenFilled: () => filled.isDone,
    statistics,
    configPath: join(settings.paths.configs, "haproxy.cfg"),
    clock,
    log: log.child({ component: "api" }),
  };
}
