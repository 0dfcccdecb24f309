import type { Logger } from "@skep/model";

/** Says a lasting problem once: again only when its words change, or when it comes back after it was gone. */
export class Complaint {
  readonly #log: Logger;
  readonly #message: string;
  #told: string | undefined;

  /** `message` is the fixed text of the log line. */
  constructor(log: Logger, message: string) {
    this.#log = log;
    this.#message = message;
  }

  tell(error: unknown): void {
    const text = error instanceof Error ? error.message : String(error);
    if (text === this.#told) return;
    this.#told = text;
    this.#log.warn({ err: text }, this.#message);
  }

  cured(): void {
    if (this.#told !== undefined) this.#log.info({ was: this.#told }, `no longer: ${this.#message}`);
    this.#told = undefined;
  }
}
