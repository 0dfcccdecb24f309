import type { Stats } from "node:fs";
import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { type Clock, DomainError, hasCode } from "@skep/model";
import type { Certificate, Certificates, RefusedCertificate } from "./certificate.ts";
import { nameProblem } from "./certificate-name.ts";
import type { CertificateSource } from "./certificate-source.ts";
import { FolderChanges } from "./folder-changes.ts";
import { parsePem } from "./pem.ts";

/** Which of the secrets are certificates: `cert-*` and `cert_*`, in capitals or not. */
export const isCertificateSecret = (name: string): boolean => /^cert[-_]/i.test(name);

interface Known {
  readonly stamp: string;
  /** Of two writes at one moment the time stamp shows only one. */
  readonly lasting: boolean;
  readonly found: Found;
}

type Found = Certificate | RefusedCertificate;

const outOfOrder =
  "HAProxy cannot read it as it is: its own certificate comes after one of its chain, or a -----BEGIN or -----END is not alone on its line";
const longestFile = 1024 * 1024;
const surelyPastMs = 2000;

/** The certificates in the files of a folder, in the order of their names. It may be made later. */
export class CertificateFolder implements CertificateSource {
  readonly folder: string;
  readonly #clock: Clock;
  readonly #isCertificate: (name: string) => boolean;
  readonly #watchers = new Set<FolderChanges>();
  #known = new Map<string, Known>();

  /** `isCertificate` tells which files are meant; all by default. */
  constructor(folder: string, clock: Clock, isCertificate: (name: string) => boolean = () => true) {
    this.folder = folder;
    this.#clock = clock;
    this.#isCertificate = isCertificate;
  }

  /** Reads what has changed since the last time. What cannot be read for want of resources stays as it was. */
  async read(): Promise<Certificates> {
    const known = new Map<string, Known>();
    try {
      for (const name of await this.names()) {
        const entry = await this.#entry(name);
        if (entry) known.set(name, entry);
      }
      this.#known = known;
      return certificatesOf(this.#known, []);
    } catch (error) {
      return certificatesOf(this.#known, [{ path: this.folder, reason: unreadable(error) }]);
    }
  }

  async *watch(signal: AbortSignal): AsyncGenerator<Certificates> {
    const changes = new FolderChanges(this.folder, this.#clock);
    this.#watchers.add(changes);
    let last: string | undefined;
    try {
      while (!signal.aborted) {
        const certificates = await this.read();
        const content = contentOf(certificates);
        if (content !== last) yield certificates;
        last = content;
        await changes.next(signal);
      }
    } finally {
      changes.close();
      this.#watchers.delete(changes);
    }
  }

  /** For who has changed a file: `watch` need not wait until it hears of it. */
  notify(): void {
    for (const changes of this.#watchers) changes.notify();
  }

  /** Names of the folder's files that are meant, in order. Names that begin with a dot never are. */
  async names(): Promise<string[]> {
    try {
      const names = await readdir(this.folder);
      return names.filter((name) => !name.startsWith(".") && this.#isCertificate(name)).sort();
    } catch (error) {
      if (hasCode(error, "ENOENT")) return [];
      throw error;
    }
  }

  /** Undefined for what is no file. */
  async #entry(name: string): Promise<Known | undefined> {
    const path = join(this.folder, name);
    try {
      const stats = await stat(path);
      if (!stats.isFile()) return undefined;
      const known = this.#known.get(name);
      const stamp = stampOf(stats);
      if (known?.lasting && known.stamp === stamp) return known;
      const lasting = this.#clock.now() - stats.ctimeMs > surelyPastMs;
      return { stamp, lasting, found: await certificateOf(path, name, stats.size) };
    } catch (error) {
      if (hasCode(error, "ENOENT")) return undefined; // gone meanwhile
      if (!hasCode(error, "EACCES")) throw error;
      return { stamp: "", lasting: false, found: { path, reason: unreadable(error) } };
    }
  }
}

function certificatesOf(known: ReadonlyMap<string, Known>, problems: readonly RefusedCertificate[]): Certificates {
  const found = [...known.values()].map((entry) => entry.found);
  return {
    certificates: found.filter((each) => "pem" in each),
    refused: [...found.filter((each) => "reason" in each), ...problems],
  };
}

const unreadable = (error: unknown) => `it cannot be read: ${(error as Error).message}`;

async function certificateOf(path: string, name: string, size: number): Promise<Found> {
  const problem = nameProblem(name) ?? (size > longestFile ? "the file is too long" : undefined);
  if (problem) return { path, reason: problem };
  const text = await readFile(path, "utf8");
  try {
    const { readable, ...certificate } = parsePem(text);
    return readable ? { path, ...certificate } : { path, reason: outOfOrder };
  } catch (error) {
    if (error instanceof DomainError) return { path, reason: error.message };
    throw error;
  }
}

const stampOf = ({ ino, size, mtimeMs, ctimeMs }: Stats) => [ino, size, mtimeMs, ctimeMs].join(" ");

const contentOf = ({ certificates, refused }: Certificates) =>
  JSON.stringify([certificates.map(({ path, pem }) => [path, pem]), refused]);
