const newline = 0x0a;

/** One JSON value a line, however the bytes were cut on their way. */
export class JsonLines {
  readonly #maxBytes: number;
  /** The beginning of a line whose end has not come yet. */
  #pending: Buffer[] = [];
  #pendingBytes = 0;

  /** `maxBytes` bounds a single line. */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** The values of the lines that `chunk` ends. Throws at a line that is too long or no JSON; of no use after that. */
  *push(chunk: Buffer): Generator<unknown> {
    let start = 0;
    for (let end = chunk.indexOf(newline); end !== -1; end = chunk.indexOf(newline, start)) {
      const line = this.#complete(chunk.subarray(start, end));
      start = end + 1;
      if (line.length > 0) yield JSON.parse(line.toString("utf8"));
    }
    this.#keep(chunk.subarray(start));
  }

  #complete(end: Buffer): Buffer {
    this.#keep(end);
    const line = this.#pending.length === 1 ? (this.#pending[0] ?? end) : Buffer.concat(this.#pending);
    this.#pending = [];
    this.#pendingBytes = 0;
    return line;
  }

  #keep(part: Buffer): void {
    this.#pendingBytes += part.length;
    if (this.#pendingBytes > this.#maxBytes) throw new Error(`a line of more than ${this.#maxBytes} bytes`);
    if (part.length > 0) this.#pending.push(part);
  }
}

/** A value as its line, newline included. */
export const jsonLine = (value: unknown): string => `${JSON.stringify(value)}\n`;
