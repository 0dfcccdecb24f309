import { type Clock, DomainError, type Logger, pause } from "@skep/model";
import { type CertificateStore, parseCertificatesAnswer } from "../certificates/index.ts";
import type { ControlSettings } from "../settings/index.ts";
import { callHttp, Deadline, type Peers } from "../sources/index.ts";

export interface CopyCertificatesParts {
  readonly peers: Pick<Peers, "addresses">;
  readonly store: CertificateStore;
  readonly control: Pick<ControlSettings, "port" | "token">;
  /** `DNS_LOOKUP_PAUSE_MS` */
  readonly pauseMs: number;
  readonly clock: Clock;
  readonly log: Logger;
}

const answerMs = 2000;

/**
 * Certificates that were put to other replicas are put here too, at the start; those that are here already stay. A replica
 * that does not answer holds nobody up for long.
 */
export async function copyCertificates(parts: CopyCertificatesParts, signal: AbortSignal): Promise<void> {
  const { peers, store, pauseMs, clock, log } = parts;
  if (pauseMs > 0) await pause(clock, pauseMs, signal);
  const addresses = await peers.addresses().catch(() => []); // no other replicas are known
  const known = new Set((await store.files()).map(({ name }) => name));
  for (const files of await Promise.all(addresses.map((address) => certificatesOf(parts, address, signal)))) {
    for (const { name, content } of files) {
      if (known.has(name)) continue;
      known.add(name);
      await store
        .put(name, content)
        .catch((err) => log.warn({ certificate: name, err }, "a certificate is not copied"));
    }
  }
}

async function certificatesOf({ control, clock, log }: CopyCertificatesParts, address: string, signal: AbortSignal) {
  using deadline = new Deadline(clock, answerMs, `certificates of ${address}`, signal);
  try {
    const { status, body } = await callHttp({
      method: "GET",
      url: new URL(`http://${address}:${control.port}/v1/docker-flow-proxy/certs`),
      signal: deadline.signal,
      headers: control.token === undefined ? {} : { Authorization: `Bearer ${control.token}` },
    });
    if (status !== 200) throw new DomainError("unavailable", `status ${status}`);
    return parseCertificatesAnswer(body);
  } catch (err) {
    log.debug({ replica: address, err }, "a replica does not tell its certificates");
    return [];
  }
}
