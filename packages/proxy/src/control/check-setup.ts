import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { CertificateStore, orderCertificates } from "../certificates/index.ts";
import { withNames } from "../runtime/config-files.ts";
import { checkConfig, failureText } from "../runtime/index.ts";
import { servicesOfEnvironment } from "../service/index.ts";
import { parseContextOf } from "../settings/index.ts";
import { ConfigRenderer } from "./config-renderer.ts";
import { renderPaths } from "./render-paths.ts";
import type { ProxyOptions } from "./run-proxy.ts";

const timeoutMs = 30_000;

/**
 * What is wrong with settings, certificates, templates and services of the environment, and what HAProxy has against the
 * config that follows from them; empty when nothing is. Starts nothing, and leaves nothing behind.
 */
export async function checkSetup(
  options: Omit<ProxyOptions, "graceMs" | "version" | "log">,
  folder: string,
): Promise<string[]> {
  const { settings, env, readSecret, haproxy: binary, clock } = options;
  const renderer = new ConfigRenderer(settings, renderPaths(settings));
  const { services, problems } = servicesOfEnvironment(env, parseContextOf(settings, readSecret));
  const { certificates, refused } = await new CertificateStore(settings.paths.certificates, clock).read();
  const paths = orderCertificates(certificates, settings.tls.preferred).map(({ path }) => path);
  const found = [
    ...problems.map(({ prefix, message }) => `${prefix}: ${message}`),
    ...refused.map(({ path, reason }) => `${path}: ${reason}`),
    ...services.flatMap((service) => renderer.refuses(service) ?? []),
  ];
  const { config, files } = renderer.render(services, {
    certificates: paths,
    tasks: () => undefined,
    isIdle: () => false,
  });
  const names = new Map([...files.keys()].map((path, i) => [path, join(folder, `file-${i}`)]));
  const path = join(folder, "haproxy.cfg");
  try {
    for (const [original, text] of files) await writeFile(names.get(original) ?? "", text);
    await writeFile(path, withNames(config, names));
    const signal = AbortSignal.timeout(timeoutMs);
    const failure = await checkConfig({ binary, path, shownAs: "haproxy.cfg", timeoutMs, signal });
    return failure ? [...found, failureText(failure)] : found;
  } finally {
    for (const file of [path, ...names.values()]) await rm(file, { force: true });
  }
}
