import { DomainError, type Logger } from "@skep/model";
import type { ProxyService } from "../service/service.ts";
import { certificateNameOf } from "./certificate-name.ts";
import type { CertificateStore } from "./certificate-store.ts";

/**
 * Certificates that services bring with them (`serviceCert`) by their labels, a swarm listener or the environment. Those of
 * requests are stored by the request, which hears when one is not right.
 */
export class CarriedCertificates {
  readonly #store: Pick<CertificateStore, "put">;
  readonly #log: Logger;
  /** What was stored, or refused, last under each name. */
  readonly #known = new Map<string, string>();

  constructor(store: Pick<CertificateStore, "put">, log: Logger) {
    this.#store = store;
    this.#log = log;
  }

  /** Stores those that are new; one that is not right leaves the route without it, and is told once. */
  async take(services: readonly ProxyService[]): Promise<void> {
    await Promise.all(
      services.filter(({ serviceCert }) => serviceCert !== "").map((service) => this.#takeOne(service)),
    );
  }

  async #takeOne(service: ProxyService): Promise<void> {
    const name = certificateNameOf(service);
    if (this.#known.get(name) === service.serviceCert) return;
    this.#known.set(name, service.serviceCert);
    try {
      await this.#store.put(name, service.serviceCert);
    } catch (err) {
      if (!(err instanceof DomainError)) this.#known.delete(name); // a full disk, perhaps: tried again with the next look
      this.#log.warn({ service: service.serviceName, err }, "certificate of a service cannot be used");
    }
  }
}
