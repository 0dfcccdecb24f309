import { mkdir, open, readFile, rename, rm } from "node:fs/promises";
import { basename, join } from "node:path";
import { type Clock, DomainError, Queues } from "@skep/model";
import type { Certificate, Certificates } from "./certificate.ts";
import { CertificateFolder } from "./certificate-folder.ts";
import { checkCertificateName } from "./certificate-name.ts";
import type { CertificateSource } from "./certificate-source.ts";
import { parsePem } from "./pem.ts";

/** What HAProxy has against the certificate in the file, in its own words; undefined when it takes it. */
export type CertificateTrial = (path: string) => Promise<string | undefined>;

export interface StoredFile {
  readonly name: string;
  readonly content: string;
}

/** The folder of certificates that may be written to: `/certs`. */
export class CertificateStore implements CertificateSource {
  readonly #folder: CertificateFolder;
  readonly #trial: CertificateTrial;
  readonly #queues = new Queues();

  constructor(folder: string, clock: Clock, trial: CertificateTrial = async () => undefined) {
    this.#folder = new CertificateFolder(folder, clock);
    this.#trial = trial;
  }

  get folder(): string {
    return this.#folder.folder;
  }

  read(): Promise<Certificates> {
    return this.#folder.read();
  }

  watch(signal: AbortSignal): AsyncIterable<Certificates> {
    return this.#folder.watch(signal);
  }

  /**
   * Stores the certificate, its chain and its key under `name` in place of what was there. Throws an
   * `invalid-parameter` when the name or the text is not right; then nothing has changed.
   */
  async put(name: string, text: string): Promise<Certificate> {
    checkCertificateName(name);
    const { readable, ...certificate } = parsePem(text);
    const path = join(this.folder, name);
    await this.#queues.run(name, () => this.#write(path, readable ? text : certificate.pem));
    this.#folder.notify();
    return { path, ...certificate };
  }

  /** False when there was none. */
  async remove(name: string): Promise<boolean> {
    checkCertificateName(name);
    const removed = await this.#queues.run(name, async () => {
      try {
        await rm(join(this.folder, name));
        return true;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === "ENOENT") return false;
        throw error;
      }
    });
    this.#folder.notify();
    return removed;
  }

  /** All files as they are, with private keys, also those that are no certificates. */
  async files(): Promise<StoredFile[]> {
    const names = await this.#folder.names();
    const files = await Promise.all(
      names.map(async (name) => {
        const content = await readFile(join(this.folder, name), "utf8").catch(() => undefined); // a folder, or gone
        return content === undefined ? [] : [{ name, content }];
      }),
    );
    return files.flat();
  }

  /** A reader sees the old file or the new one, also after the power has failed. */
  async #write(path: string, text: string): Promise<void> {
    await mkdir(this.folder, { recursive: true });
    const draft = join(this.folder, `.${basename(path)}.new`);
    try {
      await writeSafely(draft, text);
      const problem = await this.#trial(draft);
      if (problem) throw new DomainError("invalid-parameter", `HAProxy refuses the certificate: ${problem}`);
      await rename(draft, path);
      await syncFolder(this.folder);
    } catch (error) {
      await rm(draft, { force: true });
      throw error;
    }
  }
}

async function writeSafely(path: string, text: string): Promise<void> {
  await rm(path, { force: true }); // one that was left behind may have another mode
  await using file = await open(path, "wx", 0o600);
  await file.writeFile(text);
  await file.sync();
}

async function syncFolder(folder: string): Promise<void> {
  await using handle = await open(folder, "r");
  await handle.sync();
}
