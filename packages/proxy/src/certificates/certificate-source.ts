import type { Certificates } from "./certificate.ts";

/** Where certificates come from: a folder, the secrets, later an authority that issues them. */
export interface CertificateSource {
  /**
   * Yields all certificates of the source now and after each change, until `signal` aborts. Each is already in the
   * file of its path, which stays as it is until a later snapshot says otherwise.
   */
  watch(signal: AbortSignal): AsyncIterable<Certificates>;
}

/** The certificates of all sources, one source after the other, once each has told of its own, and after each change. */
export async function* watchSources(
  sources: readonly CertificateSource[],
  signal: AbortSignal,
): AsyncGenerator<Certificates> {
  const latest = new Map<CertificateSource, Certificates>();
  const ended = new AbortController();
  const both = AbortSignal.any([signal, ended.signal]);
  let changed = Promise.withResolvers<void>();
  const following = Promise.all(
    sources.map(async (source) => {
      for await (const certificates of source.watch(both)) {
        latest.set(source, certificates);
        changed.resolve();
      }
    }),
  );
  try {
    do {
      await Promise.race([following, changed.promise]);
      changed = Promise.withResolvers();
      if (latest.size === sources.length) yield joined(sources.flatMap((source) => latest.get(source) ?? []));
    } while (!signal.aborted);
  } finally {
    ended.abort();
  }
}

const joined = (all: readonly Certificates[]): Certificates => ({
  certificates: all.flatMap(({ certificates }) => certificates),
  refused: all.flatMap(({ refused }) => refused),
});
