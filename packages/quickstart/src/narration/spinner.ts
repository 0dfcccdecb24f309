import type { Output } from "./output.ts";

const frames = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"];
const frameMs = 120;
/** Elsewhere than on a terminal: how long nothing may be said. */
const quietMs = 10_000;

/** Says that something is at work: on a terminal a line rewritten in place, elsewhere a line now and then. */
export class Spinner implements Disposable {
  readonly #output: Output;
  readonly #startedMs = performance.now();
  readonly #timer: NodeJS.Timeout;
  #text: string;
  #frame = 0;

  constructor(output: Output, text: string) {
    this.#output = output;
    this.#text = text;
    this.#timer = setInterval(() => this.#tick(), output.isTTY ? frameMs : quietMs);
    if (output.isTTY) output.write("\x1b[?25l"); // no cursor
    if (output.isTTY) this.#tick();
  }

  /** What is being done now. */
  say(text: string): void {
    this.#text = text;
  }

  get seconds(): number {
    return (performance.now() - this.#startedMs) / 1000;
  }

  #tick(): void {
    const frame = frames[this.#frame++ % frames.length];
    const room = Math.max(20, (this.#output.columns || 100) - 16);
    const text = this.#text.slice(0, room);
    if (this.#output.isTTY) this.#output.write(`\r\x1b[2K     ${frame} ${text} ${this.seconds.toFixed(0)} s`);
    else this.#output.write(`     … ${text} (${this.seconds.toFixed(0)} s)\n`);
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
    if (this.#output.isTTY) this.#output.write("\r\x1b[2K\x1b[?25h");
  }
}
