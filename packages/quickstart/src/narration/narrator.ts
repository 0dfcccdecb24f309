import type { Part, Step } from "../story/step.ts";
import { cut, type Output, type Paint, widestText, widthOf, wrap } from "./output.ts";
import { Spinner } from "./spinner.ts";

const indent = "     ";
const outputLines = 14;

/** Tells the story; decides how it looks and nothing else. */
export class Narrator {
  readonly #output: Output;
  readonly #paint: Paint;
  readonly #width: number;

  constructor(output: Output, paint: Paint) {
    this.#output = output;
    this.#paint = paint;
    this.#width = widthOf(output);
  }

  line(text = ""): void {
    this.#output.write(`${text}\n`);
  }

  opening(title: string, text: string): void {
    this.line();
    this.line(`  ${this.#paint.bold(this.#paint.accent("skep"))} ${this.#paint.bold(title)}`);
    this.line();
    for (const line of wrap(text, Math.min(this.#width - 2, widestText))) this.line(`  ${line}`);
  }

  heading(number: number, { title, why }: Pick<Step, "title" | "why">): void {
    this.line();
    this.line(`${this.#paint.accent(`${number}`.padStart(3))}  ${this.#paint.bold(title)}`);
    for (const line of wrap(why, Math.min(this.#width - indent.length, widestText)))
      this.line(`${indent}${this.#paint.dim(line)}`);
    this.line();
  }

  /** The command as it is typed: each of its lines whole, so that it can be copied. */
  command({ command }: Pick<Part, "command">): void {
    command.split("\n").forEach((line, i) => {
      this.line(`${indent}${i === 0 ? this.#paint.accent("$") : " "} ${this.#paint.bold(line)}`);
    });
  }

  output(lines: readonly string[]): void {
    for (const line of lines.slice(0, outputLines))
      this.line(`${indent}  ${cut(line, this.#width - indent.length - 2)}`);
    if (lines.length > outputLines) this.line(`${indent}  …`);
  }

  done(text: string, seconds: number, wasThere: boolean): void {
    const note = wasThere ? "there already" : seconds >= 0.95 ? `${seconds.toFixed(1)} s` : "";
    this.line(`${indent}${this.#paint.good("✓")} ${text}${note === "" ? "" : this.#paint.dim(`  ${note}`)}`);
  }

  failure(what: string, lines: readonly string[]): void {
    this.line(`${indent}${this.#paint.bad("✗")} ${what}`);
    for (const line of lines) this.line(`${indent}  ${line}`);
  }

  /** Commands with what they are for, in two columns. */
  choices(title: string, rows: readonly (readonly [string, string])[]): void {
    const width = Math.max(...rows.map(([command]) => command.length));
    this.line();
    this.line(`  ${this.#paint.bold(title)}`);
    for (const [command, what] of rows) this.line(`    ${command.padEnd(width)}   ${this.#paint.dim(what)}`);
  }

  working(text: string): Spinner {
    return new Spinner(this.#output, text);
  }
}
