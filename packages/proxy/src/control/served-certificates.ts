import { join } from "node:path";
import { type Clock, pause } from "@skep/model";
import type { Certificate, CertificateStore, StoredFile } from "../certificates/index.ts";
import type { HaproxyConfig } from "./haproxy-config.ts";

/** HAProxy has a certificate within milliseconds, or after a reload. */
const longestMs = 5000;

/** The folder of certificates, for whoever wants to know that HAProxy serves what it has put there. */
export class ServedCertificates implements Pick<CertificateStore, "folder" | "files" | "put" | "remove"> {
  readonly #store: CertificateStore;
  readonly #haproxy: HaproxyConfig;
  readonly #clock: Clock;

  constructor(store: CertificateStore, haproxy: HaproxyConfig, clock: Clock) {
    this.#store = store;
    this.#haproxy = haproxy;
    this.#clock = clock;
  }

  get folder(): string {
    return this.#store.folder;
  }

  files(): Promise<StoredFile[]> {
    return this.#store.files();
  }

  /** Resolves when it is served, or after some seconds; throws as CertificateStore does. */
  async put(name: string, text: string): Promise<Certificate> {
    const certificate = await this.#store.put(name, text);
    const { path, pem } = certificate;
    await this.#whenServed((served) => served.some((each) => each.path === path && each.pem === pem));
    return certificate;
  }

  /** Resolves when it is served no more, or after some seconds; false when there was none. */
  async remove(name: string): Promise<boolean> {
    const removed = await this.#store.remove(name);
    const path = join(this.folder, name);
    if (removed) await this.#whenServed((served) => !served.some((each) => each.path === path));
    return removed;
  }

  async #whenServed(holds: (served: readonly Certificate[]) => boolean): Promise<void> {
    const waiting = new AbortController();
    await this.#haproxy.whenServed(holds, pause(this.#clock, longestMs, waiting.signal));
    waiting.abort();
  }
}
