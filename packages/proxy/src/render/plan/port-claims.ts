/** Which section of the config has which port: HAProxy itself would let two have one, and share requests out between them. */
export class PortClaims {
  readonly #holders = new Map<number, Holder>();

  /** Ports of the proxy itself. */
  reserve(ports: Iterable<number>, section: string): void {
    for (const port of ports) this.#holders.set(port, { section, owner: undefined });
  }

  /** Whoever has a port already that is asked for by another section; then nothing is claimed. */
  claim(wishes: readonly PortWish[], owner: string): PortConflict | undefined {
    const mine = new Map<number, Holder>();
    for (const { port, section } of wishes) {
      const holder = this.#holders.get(port) ?? mine.get(port);
      if (holder && holder.section !== section) return { port, ...holder };
      mine.set(port, holder ?? { section, owner });
    }
    for (const [port, holder] of mine) this.#holders.set(port, holder);
    return undefined;
  }
}

interface Holder {
  readonly section: string;
  /** The service that asked for it first; undefined for the proxy. */
  readonly owner: string | undefined;
}

export interface PortWish {
  readonly port: number;
  /** `frontend tcpFE_6379` */
  readonly section: string;
}

export interface PortConflict extends Holder {
  readonly port: number;
}
