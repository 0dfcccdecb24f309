import { isTemplateFunction } from "./template-functions.ts";
import type { Command, Operand, Pipeline } from "./template-nodes.ts";
import type { Token } from "./template-tokens.ts";
import type { TemplateValue } from "./template-value.ts";
import { type TokenReader, unexpected } from "./token-reader.ts";
import { unquote } from "./unquote.ts";

const deepest = 100;
const words: ReadonlyMap<string, TemplateValue> = new Map<string, TemplateValue>([
  ["true", true],
  ["false", false],
  ["nil", null],
]);

/** Reads what is between `{{` and `}}`, and knows which variables there are. */
export class PipelineParser {
  readonly #tokens: TokenReader;
  readonly #variables: string[] = ["$"];
  #depth = 0;

  constructor(tokens: TokenReader) {
    this.#tokens = tokens;
  }

  /** What `leave` wants to forget the variables that have been made since. */
  scope(): number {
    return this.#variables.length;
  }

  leave(scope: number): void {
    this.#variables.length = scope;
  }

  declare(names: readonly string[]): void {
    this.#variables.push(...names);
  }

  /** `$element :=` or `$index, $element :=`, when that comes next. */
  rangeVariables(): string[] {
    const [first, comma, second] = [this.#tokens.peek(), this.#tokens.peek(1), this.#tokens.peek(2)];
    if (first?.kind !== "variable") return [];
    const two = comma?.kind === "comma" && second?.kind === "variable";
    if (this.#tokens.peek(two ? 3 : 1)?.kind !== "declare") return [];
    for (let i = two ? 4 : 2; i > 0; i--) this.#tokens.take();
    return two ? [first.text, second.text] : [first.text];
  }

  /** Up to the token that ends it, which is taken too. */
  pipeline(until: "close" | "right"): Pipeline {
    const variable = until === "close" ? this.#assignment() : undefined;
    const commands: Command[] = [];
    do commands.push(this.#command(until));
    while (this.#tokens.takeIf("pipe"));
    this.#tokens.want(until);
    if (variable?.made) this.#variables.push(variable.name);
    const [first, ...others] = commands;
    if (!first) return this.#tokens.fail("missing value for command");
    return { ...(variable && { variable }), commands: [first, ...others] };
  }

  #assignment(): Pipeline["variable"] {
    const [name, sign] = [this.#tokens.peek(), this.#tokens.peek(1)];
    if (name?.kind !== "variable" || (sign?.kind !== "declare" && sign?.kind !== "assign")) return undefined;
    this.#tokens.take();
    if (sign.kind === "assign") this.#known(name);
    this.#tokens.take();
    return { name: name.text, made: sign.kind === "declare" };
  }

  #command(until: "close" | "right"): Command {
    const operands: Operand[] = [];
    for (let next = this.#tokens.peek(); next && next.kind !== until && next.kind !== "pipe"; ) {
      operands.push(this.#operand());
      next = this.#tokens.peek();
    }
    const [first, ...others] = operands;
    if (first) return [first, ...others];
    this.#tokens.take();
    return this.#tokens.fail("missing value for command");
  }

  #operand(): Operand {
    const token = this.#tokens.take();
    const at = token?.at ?? 0;
    switch (token?.kind) {
      case "string":
        return { kind: "literal", at, value: this.#string(token) };
      case "number":
        return { kind: "literal", at, value: this.#number(token) };
      case "word":
        return this.#word(token);
      case "dot":
        return { kind: "dot", at, path: [] };
      case "field":
        return { kind: "dot", at, path: [token.text.slice(1), ...this.#path()] };
      case "variable":
        this.#known(token);
        return { kind: "variable", at, name: token.text, path: this.#path() };
      case "left":
        return this.#nested(at);
      default:
        return this.#tokens.fail(unexpected(token));
    }
  }

  #nested(at: number): Operand {
    if (++this.#depth > deepest) return this.#tokens.fail(`parentheses are nested more than ${deepest} deep`);
    const pipeline = this.pipeline("right");
    this.#depth--;
    return { kind: "nested", at, pipeline, path: this.#path() };
  }

  /** Fields that are joined to what was just taken. */
  #path(): string[] {
    const path: string[] = [];
    for (let next = this.#tokens.peek(); next?.kind === "field" && !next.spaced; next = this.#tokens.peek()) {
      this.#tokens.take();
      path.push(next.text.slice(1));
    }
    return path;
  }

  #word({ text, at }: Token): Operand {
    const value = words.get(text);
    if (value !== undefined) return { kind: "literal", at, value };
    if (!isTemplateFunction(text)) return this.#tokens.fail(`there is no function ${text}`);
    return { kind: "function", at, name: text };
  }

  #known({ text }: Token): void {
    if (!this.#variables.includes(text)) this.#tokens.fail(`there is no variable ${text}`);
  }

  /** In single quotes it is one character, whose value is its number. */
  #string({ text }: Token): TemplateValue {
    const value = unquote(text);
    if (value === undefined) return this.#tokens.fail(`${text} has an escape that is not known`);
    if (!text.startsWith("'")) return value;
    const [character, more] = value;
    if (character === undefined || more !== undefined) return this.#tokens.fail(`${text} is not one character`);
    return character.codePointAt(0) ?? 0;
  }

  #number({ text }: Token): number {
    const value = Number(text.replaceAll("_", "").replace(/^[+-]/, ""));
    if (!Number.isFinite(value)) return this.#tokens.fail(`${text} is no number`);
    return text.startsWith("-") && value !== 0 ? -value : value;
  }
}
