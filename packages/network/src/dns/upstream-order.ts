/** A server that did not answer is asked last for this long. */
const restMs = 30_000;

/** Remembers which servers do not answer, so that a dead one does not cost its time-out with every question. */
export class UpstreamOrder {
  readonly #silentUntil = new Map<string, number>();

  /** The servers as they are to be asked at `now`: those that answer as given, then the silent ones. */
  order(servers: readonly string[], now: number): readonly string[] {
    if (this.#silentUntil.size === 0) return servers;
    const isSilent = (server: string) => (this.#silentUntil.get(server) ?? 0) > now;
    return [...servers.filter((server) => !isSilent(server)), ...servers.filter(isSilent)];
  }

  /** It is about to be asked. One question finds out whether a silent server is back, the others go on without it. */
  asked(server: string, now: number): void {
    if (this.#silentUntil.has(server)) this.silent(server, now);
  }

  answered(server: string): void {
    this.#silentUntil.delete(server);
  }

  silent(server: string, now: number): void {
    this.#silentUntil.set(server, now + restMs);
  }
}
