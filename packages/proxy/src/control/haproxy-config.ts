import { type Certificate, planCertificates } from "../certificates/index.ts";
import type { Rendered } from "../render/rendered.ts";
import { applyBest, ConfigRejected, type Driver } from "../runtime/index.ts";
import type { ProxyService } from "../service/index.ts";
import { type Applied, type LiveConfig, RejectedRoute, type Versions } from "./live-config.ts";

/** HAProxy with its certificates. */
export class HaproxyConfig implements LiveConfig {
  readonly #driver: Driver;
  #certificates: readonly Certificate[] = [];
  #served: readonly Certificate[] = [];
  #nextServed = Promise.withResolvers<void>();

  constructor(driver: Driver) {
    this.#driver = driver;
  }

  /** Paths of the certificates that the next config is made with. */
  get certificates(): readonly string[] {
    return this.#certificates.map(({ path }) => path);
  }

  /** When each certificate ends, ms since the epoch, by path. */
  get ends(): ReadonlyMap<string, number> {
    return new Map(this.#certificates.map(({ path, notAfterMs }) => [path, notAfterMs]));
  }

  /** Takes effect with the next `apply`; false when it is the same as before. */
  useCertificates(certificates: readonly Certificate[]): boolean {
    const same = (one: readonly Certificate[]) => JSON.stringify(one.map(({ path, pem }) => [path, pem]));
    if (same(certificates) === same(this.#certificates)) return false;
    this.#certificates = certificates;
    return true;
  }

  async apply(
    services: readonly Versions[],
    render: (services: readonly ProxyService[]) => Rendered,
  ): Promise<Applied> {
    const certificates = this.#certificates;
    const candidates = services.filter(({ versions }) => versions.length > 0);
    const steps = planCertificates(this.#served, certificates);
    const options = steps === undefined ? { reload: true } : steps.length === 0 ? {} : { certificates: steps };
    const best = await applyBest(this.#driver, { candidates, render }, options).catch((error) => {
      throw error instanceof ConfigRejected ? new RejectedRoute(error.message, false) : error;
    });
    this.#served = certificates;
    this.#nextServed.resolve();
    this.#nextServed = Promise.withResolvers();
    return { rendered: best.rendered, rejected: best.rejected };
  }

  /** Resolves when it holds of the certificates that HAProxy serves, or when `until` does. */
  async whenServed(holds: (served: readonly Certificate[]) => boolean, until: Promise<void>): Promise<void> {
    let isLate = false;
    const late = until.then(() => {
      isLate = true;
    });
    while (!isLate && !holds(this.#served)) await Promise.race([this.#nextServed.promise, late]);
  }

  /** HAProxy's own words about a config; undefined when it would load it. */
  async check(rendered: Rendered): Promise<string | undefined> {
    const failure = await this.#driver.check(rendered);
    return failure?.alerts.map(({ message }) => message).join("\n");
  }
}
