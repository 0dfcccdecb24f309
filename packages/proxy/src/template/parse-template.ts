import { PipelineParser } from "./parse-pipeline.ts";
import { failAt, type TemplateSource } from "./template-error.ts";
import type { Block, TemplateNode } from "./template-nodes.ts";
import { type Token, templateTokens } from "./template-tokens.ts";
import { TokenReader } from "./token-reader.ts";

const deepest = 500;
const blockWords = ["if", "with", "range"] as const;

interface Body {
  readonly nodes: TemplateNode[];
  readonly ended: "end" | "else" | "eof";
}

/**
 * Reads a template of Go's text/template: everything but `define`, `template` and `block`. Throws a TemplateError
 * with the line.
 */
export function parseTemplate(source: TemplateSource): readonly TemplateNode[] {
  return new TemplateParser(source).nodes("the template").nodes;
}

class TemplateParser {
  readonly #source: TemplateSource;
  readonly #tokens: TokenReader;
  readonly #pipelines: PipelineParser;
  #depth = 0;
  #loops = 0;

  constructor(source: TemplateSource) {
    this.#source = source;
    this.#tokens = new TokenReader(source, templateTokens(source));
    this.#pipelines = new PipelineParser(this.#tokens);
  }

  /** The nodes up to `{{end}}`, `{{else}}` or the end; `inside` is the block they are in, or the whole template. */
  nodes(inside: Token | "the template"): Body {
    const nodes: TemplateNode[] = [];
    for (;;) {
      const token = this.#tokens.take();
      if (!token) {
        if (inside === "the template") return { nodes, ended: "eof" };
        return failAt(this.#source, inside.at, `{{${inside.text}}} has no {{end}}`);
      }
      if (token.kind === "text") {
        nodes.push({ kind: "text", text: token.text });
        continue;
      }
      const ended = this.#ending(inside);
      if (ended) return { nodes, ended };
      nodes.push(...this.#action());
    }
  }

  #ending(inside: Token | "the template"): "end" | "else" | undefined {
    const word = this.#tokens.peek();
    if (word?.kind !== "word" || (word.text !== "end" && word.text !== "else")) return undefined;
    if (inside === "the template") return this.#fail(`unexpected {{${word.text}}}`);
    this.#tokens.take();
    if (word.text === "end") this.#tokens.want("close");
    return word.text;
  }

  #action(): TemplateNode[] {
    const token = this.#tokens.peek();
    const word = token?.kind === "word" ? token.text : "";
    const block = blockWords.find((each) => each === word);
    if (token && block) return [this.#block(token, block)];
    if (word === "break" || word === "continue") {
      this.#tokens.take();
      this.#tokens.want("close");
      if (this.#loops === 0) return this.#fail(`{{${word}}} outside {{range}}`);
      return [{ kind: word }];
    }
    if (word === "define" || word === "template" || word === "block") return this.#fail(`{{${word}}} is not supported`);
    const at = token?.at ?? this.#source.text.length;
    return [{ kind: "value", at, pipeline: this.#pipelines.pipeline("close") }];
  }

  #block(token: Token, kind: Block["kind"]): Block {
    this.#tokens.take();
    if (++this.#depth > deepest) return this.#fail(`blocks are nested more than ${deepest} deep`);
    const known = this.#pipelines.scope();
    const variables = kind === "range" ? this.#pipelines.rangeVariables() : [];
    const pipeline = this.#pipelines.pipeline("close");
    this.#pipelines.declare(variables);
    const rest = this.#bodies(token, kind);
    this.#pipelines.leave(known);
    this.#depth--;
    return { kind, at: token.at, variables, pipeline, ...rest };
  }

  #bodies(token: Token, kind: Block["kind"]): Pick<Block, "body" | "otherwise"> {
    const known = this.#pipelines.scope();
    if (kind === "range") this.#loops++;
    const { nodes: body, ended } = this.nodes(token);
    if (kind === "range") this.#loops--;
    this.#pipelines.leave(known);
    return { body, otherwise: ended === "else" ? this.#otherwise(token) : [] };
  }

  /** After `{{else`: another block, as in `{{else if}}`, shares its `{{end}}` with the block it belongs to. */
  #otherwise(token: Token): readonly TemplateNode[] {
    const next = this.#tokens.peek();
    const chained = next?.kind === "word" && (next.text === "if" || next.text === "with") ? next.text : undefined;
    if (next && chained) return [this.#block(next, chained)];
    this.#tokens.want("close");
    const { nodes, ended } = this.nodes(token);
    return ended === "else" ? this.#fail("a second {{else}}") : nodes;
  }

  #fail(problem: string): never {
    return this.#tokens.fail(problem);
  }
}
