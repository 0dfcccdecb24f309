/** Lets code wait until a store revision has been taken in. For one waiter at a time. */
export class RevisionGate {
  private revision: number;
  private waiting: { readonly revision: number; readonly resolve: () => void } | undefined;

  constructor(revision: number) {
    this.revision = revision;
  }

  reached(revision: number): Promise<void> {
    if (this.revision >= revision) return Promise.resolve();
    return new Promise((resolve) => {
      this.waiting = { revision, resolve };
    });
  }

  advance(revision: number): void {
    this.revision = revision;
    if (!this.waiting || this.waiting.revision > revision) return;
    this.waiting.resolve();
    this.waiting = undefined;
  }

  /** Ends the wait, for good. */
  close(): void {
    this.advance(Number.POSITIVE_INFINITY);
  }
}
