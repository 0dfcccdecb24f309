import { DomainError } from "./errors.ts";

/** Where Go says an operand is: the line, from 1, and the byte in it, from 0. */
interface Place {
  readonly line: number;
  readonly offset: number;
}

/** One thing a command is made of; its place and `text` are what Go names in its errors. */
export type Operand = Place & { readonly text: string } & (
    | { readonly kind: "literal"; readonly value: string | number | boolean }
    | { readonly kind: "function"; readonly name: string }
    /** `.A.B`, `$.A.B`, `.`: fields of the context. */
    | { readonly kind: "field"; readonly path: readonly string[] }
    /** `(pipeline).A`. */
    | { readonly kind: "nested"; readonly pipeline: Pipeline; readonly path: readonly string[] }
  );

export interface Command {
  readonly operands: readonly [Operand, ...Operand[]];
  readonly text: string;
}

/** Commands joined by `|`: each one's value is the last argument of the next. */
export type Pipeline = readonly [Command, ...Command[]];

export type TemplateNode =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "value"; readonly pipeline: Pipeline }
  | {
      readonly kind: "if";
      readonly condition: Pipeline;
      readonly matched: readonly TemplateNode[];
      readonly otherwise: readonly TemplateNode[];
    };

interface Token {
  readonly kind:
    | "text"
    | "open"
    | "close"
    | "field"
    | "name"
    | "string"
    | "number"
    | "pipe"
    | "left"
    | "right"
    | "space";
  readonly text: string;
  /** In UTF-16 units. */
  readonly at: number;
}

const inAction: readonly (readonly [Token["kind"], RegExp])[] = [
  ["close", /\s+-\}\}\s*|\}\}/y],
  ["space", /\s+/y],
  ["string", /"(?:[^"\\\n]|\\.)*"|`[^`]*`/y],
  ["field", /\.[\p{L}_][\p{L}\p{N}_]*/uy],
  ["number", /[+-]?\d+(?:\.\d+)?/y],
  ["name", /\$|\.|[\p{L}_][\p{L}\p{N}_]*/uy],
  ["pipe", /\|/y],
  ["left", /\(/y],
  ["right", /\)/y],
];

function fail(source: string, at: number, problem: string): never {
  const line = source.slice(0, at).split("\n").length;
  throw new DomainError("invalid-parameter", `template: expansion:${line}: ${problem}`);
}

function* tokensOf(source: string): Generator<Token> {
  let at = 0;
  while (at < source.length) {
    const open = source.indexOf("{{", at);
    const trimmed = open >= 0 && /^\{\{-\s/.test(source.slice(open, open + 4));
    const text = source.slice(at, open < 0 ? source.length : open);
    if (text !== "") yield { kind: "text", text: trimmed ? text.trimEnd() : text, at };
    if (open < 0) return;
    const comment = /\{\{(?:-\s+)?\/\*[\s\S]*?\*\/(?:\s+-\}\}\s*|\}\})/y;
    comment.lastIndex = open;
    const skipped = comment.exec(source);
    if (skipped) {
      at = comment.lastIndex;
      continue;
    }
    yield { kind: "open", text: "{{", at: open };
    at = yield* actionTokens(source, open + (trimmed ? 3 : 2));
  }
}

/** Returns where the action ends. */
function* actionTokens(source: string, from: number): Generator<Token, number> {
  let at = from;
  while (at < source.length) {
    const token = tokenAt(source, at);
    yield token;
    at += token.text.length;
    if (token.kind === "close") return at;
  }
  return fail(source, at, "unclosed action");
}

function tokenAt(source: string, at: number): Token {
  for (const [kind, pattern] of inAction) {
    pattern.lastIndex = at;
    const text = pattern.exec(source)?.[0];
    if (text !== undefined) return { kind, text, at };
  }
  const character = source.slice(at, at + 1);
  if (character === '"') return fail(source, at, "unterminated quoted string");
  if (character === "`") return fail(source, at, "unterminated raw quoted string");
  return fail(source, at, `unexpected ${JSON.stringify(character)} in operand`);
}

const unsupported = new Set(["range", "with", "define", "template", "block", "break", "continue", "nil"]);

class Parser {
  readonly #source: string;
  readonly #tokens: readonly Token[];
  readonly #functions: ReadonlySet<string>;
  #next = 0;

  constructor(source: string, functions: ReadonlySet<string>) {
    this.#source = source;
    this.#tokens = [...tokensOf(source)];
    this.#functions = functions;
  }

  /** The nodes up to the end of the text, or up to `{{end}}` or `{{else}}`, whose name is returned. */
  nodes(inside: boolean): { nodes: TemplateNode[]; ended: "end" | "else" | "eof" } {
    const nodes: TemplateNode[] = [];
    for (;;) {
      const token = this.#take();
      if (!token) return inside ? this.#fail("unexpected EOF") : { nodes, ended: "eof" };
      if (token.kind === "text") {
        nodes.push({ kind: "text", text: token.text });
        continue;
      }
      this.#skipSpace();
      const word = this.#peek();
      const keyword = word?.kind === "name" ? word.text : "";
      if (keyword === "end" || keyword === "else") {
        if (!inside) return this.#fail(`unexpected {{${keyword}}}`);
        this.#take();
        if (keyword === "end") this.#close();
        return { nodes, ended: keyword };
      }
      if (keyword === "if") this.#take();
      nodes.push(keyword === "if" ? this.#if() : { kind: "value", pipeline: this.#pipeline("close") });
    }
  }

  #if(): TemplateNode {
    const condition = this.#pipeline("close");
    const { nodes, ended } = this.nodes(true);
    if (ended === "end") return { kind: "if", condition, matched: nodes, otherwise: [] };
    this.#skipSpace();
    if (this.#peek()?.text === "if") {
      this.#take();
      return { kind: "if", condition, matched: nodes, otherwise: [this.#if()] };
    }
    this.#close();
    const rest = this.nodes(true);
    if (rest.ended === "else") return this.#fail("expected end; found {{else}}");
    return { kind: "if", condition, matched: nodes, otherwise: rest.nodes };
  }

  #pipeline(until: "close" | "right"): Pipeline {
    const commands: Command[] = [];
    for (;;) {
      commands.push(this.#command(until));
      const token = this.#take();
      if (token?.kind === until) break;
      this.#skipSpace();
    }
    const [first, ...others] = commands;
    return first ? [first, ...others] : this.#fail("missing value for command");
  }

  #command(until: "close" | "right"): Command {
    const operands: Operand[] = [];
    for (;;) {
      this.#skipSpace();
      const token = this.#peek();
      if (token?.kind === until || token?.kind === "pipe") break;
      operands.push(this.#operand());
    }
    const [first, ...others] = operands;
    if (!first) return this.#fail("missing value for command");
    return { operands: [first, ...others], text: operands.map(({ text }) => text).join(" ") };
  }

  #operand(): Operand {
    const token = this.#take();
    const at = token?.at ?? this.#source.length;
    switch (token?.kind) {
      case "string":
        return { kind: "literal", value: this.#unquote(token), ...this.#place(at), text: token.text };
      case "number":
        return { kind: "literal", value: Number(token.text), ...this.#place(at), text: token.text };
      case "field":
        return this.#field([token.text], at);
      case "name":
        return this.#name(token);
      case "left": {
        const pipeline = this.#pipeline("right");
        const from = this.#peek()?.at ?? at;
        const path = this.#path();
        const place = this.#place(path.length > 0 ? from : at);
        const text = `(${pipeline.map((command) => command.text).join(" | ")})${path.join("")}`;
        return { kind: "nested", pipeline, path: path.map(withoutDot), ...place, text };
      }
      default:
        return this.#fail(`unexpected ${JSON.stringify(token?.text ?? "EOF")} in operand`);
    }
  }

  #name(token: Token): Operand {
    const place = this.#place(token.at);
    if (token.text === ".") return { kind: "field", path: [], ...place, text: "." };
    if (token.text === "$") return this.#field(["$"], token.at);
    if (token.text === "true" || token.text === "false") {
      return { kind: "literal", value: token.text === "true", ...place, text: token.text };
    }
    if (unsupported.has(token.text)) return this.#fail(`{{${token.text}}} is not supported here`);
    if (!this.#functions.has(token.text)) return this.#fail(`function ${JSON.stringify(token.text)} not defined`);
    return { kind: "function", name: token.text, ...place, text: token.text };
  }

  /** Go names the place of a chain by its second link. */
  #field(first: readonly string[], at: number): Operand {
    const from = this.#peek()?.at ?? at;
    const rest = this.#path();
    const chain = [...first, ...rest];
    const path = chain.filter((link) => link !== "$").map(withoutDot);
    return { kind: "field", path, ...this.#place(rest.length > 0 ? from : at), text: chain.join("") };
  }

  #path(): string[] {
    const path: string[] = [];
    while (this.#peek()?.kind === "field") path.push(this.#take()?.text ?? "");
    return path;
  }

  #unquote({ text }: Token): string {
    if (text.startsWith("`")) return text.slice(1, -1);
    try {
      return JSON.parse(text) as string;
    } catch {
      return this.#fail(`invalid syntax: ${text}`);
    }
  }

  #close(): void {
    this.#skipSpace();
    const token = this.#take();
    if (token?.kind !== "close") this.#fail(`unexpected ${JSON.stringify(token?.text ?? "EOF")}`);
  }

  #peek(): Token | undefined {
    return this.#tokens[this.#next];
  }

  #take(): Token | undefined {
    return this.#tokens[this.#next++];
  }

  #skipSpace(): void {
    while (this.#peek()?.kind === "space") this.#next++;
  }

  #place(at: number): Place {
    const lines = this.#source.slice(0, at).split("\n");
    return { line: lines.length, offset: Buffer.byteLength(lines.at(-1) ?? "") };
  }

  #fail(problem: string): never {
    return fail(this.#source, this.#tokens[this.#next - 1]?.at ?? 0, problem);
  }
}

const withoutDot = (link: string) => link.slice(1);

/** Reads Go's text/template, without variables, loops and definitions; throws with Go's words. */
export function parseTemplate(source: string, functions: ReadonlySet<string>): readonly TemplateNode[] {
  return new Parser(source, functions).nodes(false).nodes;
}
