import type { Clock, Logger } from "@skep/model";
import {
  CertificateFolder,
  type CertificateSource,
  isCertificateSecret,
  orderCertificates,
  watchSources,
} from "../certificates/index.ts";
import type { Settings } from "../settings/index.ts";
import type { HaproxyConfig } from "./haproxy-config.ts";

export interface FollowCertificatesParts {
  readonly store: CertificateSource;
  readonly haproxy: HaproxyConfig;
  readonly settings: Settings;
  /** Called when there are others than before. */
  readonly changed: () => void;
  /** Called once they are known, and after each look. */
  readonly told: () => void;
  readonly clock: Clock;
  readonly log: Logger;
}

/** The certificates of the folder and the secrets are those that HAProxy is to serve. Until `signal` aborts. */
export async function followCertificates(parts: FollowCertificatesParts, signal: AbortSignal): Promise<void> {
  const { store, haproxy, settings, changed, told, clock, log } = parts;
  const secrets = new CertificateFolder(settings.paths.secrets, clock, isCertificateSecret);
  for await (const { certificates, refused } of watchSources([store, secrets], signal)) {
    for (const { path, reason } of refused) log.warn({ path, reason }, "certificate refused");
    if (haproxy.useCertificates(orderCertificates(certificates, settings.tls.preferred))) changed();
    told();
  }
}
