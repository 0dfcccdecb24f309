import { X509Certificate } from "node:crypto";
import { type Clock, type Logger, pause } from "@skep/model";

/** Timers do not reach a month ahead, nor does a suspended machine's; so it looks again now and then. */
const longestWaitMs = 12 * 60 * 60 * 1000;
const firstRetryMs = 30_000;
const longestRetryMs = 60 * 60 * 1000;

/**
 * When to renew: between half and four fifths of the certificate's life, by chance (`random` in 0…1), so that nodes
 * that joined together do not come together again. As swarmkit's `calculateRandomExpiry`.
 */
export function renewalTimeMs(certPem: string, random: number): number {
  const certificate = new X509Certificate(certPem);
  const begin = certificate.validFromDate.getTime();
  const lifeMs = certificate.validToDate.getTime() - begin;
  return begin + lifeMs * (0.5 + 0.3 * random);
}

export interface RenewalOptions {
  /** The certificate in use now, PEM. */
  readonly certificate: () => string;
  /** Gets a new one and puts it into use. May reject: it is tried again, less and less often. */
  readonly renew: (signal: AbortSignal) => Promise<void>;
  readonly clock: Clock;
  readonly logger: Logger;
  /** In 0…1. */
  readonly random: () => number;
  readonly signal: AbortSignal;
}

/** Renews this node's certificate in time, again and again, until `signal` aborts. */
export async function runCertificateRenewal(options: RenewalOptions): Promise<void> {
  const { certificate, renew, clock, logger, random, signal } = options;
  let current = "";
  let dueMs = 0;
  let failures = 0;
  while (!signal.aborted) {
    if (certificate() !== current) {
      current = certificate();
      dueMs = renewalTimeMs(current, random());
      failures = 0;
    }
    const waitMs = dueMs - clock.now();
    if (waitMs > 0) {
      await pause(clock, Math.min(waitMs, longestWaitMs), signal);
      continue;
    }
    try {
      await renew(signal);
      if (certificate() === current) throw new Error("the renewed certificate was not put into use");
      logger.info({}, "certificate renewed");
    } catch (err) {
      if (signal.aborted) return;
      logger.warn({ err }, "certificate could not be renewed, trying again");
      await pause(clock, Math.min(longestRetryMs, firstRetryMs * 2 ** Math.min(failures++, 20)), signal);
    }
  }
}
