import { appendFileSync } from "node:fs";

/** The log of the quickstart: every command with all of its output. */
export class CommandLog {
  readonly #file: string;

  constructor(file: string) {
    this.#file = file;
  }

  note(line: string): void {
    this.write(`\n${new Date().toISOString()} ${line}\n`);
  }

  write(text: string): void {
    appendFileSync(this.#file, text);
  }
}
