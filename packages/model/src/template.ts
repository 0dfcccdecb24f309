import { DomainError } from "./errors.ts";
import type { Labels } from "./meta.ts";
import { templateFunctions } from "./template-functions.ts";
import { type Command, type Operand, type Pipeline, parseTemplate, type TemplateNode } from "./template-parse.ts";
import { fieldOf, isTrue, printValue, structOf, type TemplateValue } from "./template-value.ts";

/** What a template may name, as swarmkit's `template.Context` (`swarm-api.md` section 17.3). */
export interface TemplateContext {
  readonly Service: { readonly ID: string; readonly Name: string; readonly Labels: Labels };
  readonly Node: {
    readonly ID: string;
    readonly Hostname: string;
    readonly Platform: { readonly Architecture: string; readonly OS: string };
  };
  /** `Slot` is the node's id for tasks of global services. */
  readonly Task: { readonly ID: string; readonly Name: string; readonly Slot: string };
}

const functionNames: ReadonlySet<string> = new Set(Object.keys(templateFunctions));

/**
 * Expands a Go template: fields of the context, pipelines, if/else, white space trimming, and the functions of
 * `template-functions.ts`. Throws a DomainError that reads as Go's.
 */
export function expandTemplate(text: string, context: TemplateContext): string {
  if (!text.includes("{{")) return text;
  return new Expansion(structOf(context)).nodes(parseTemplate(text, functionNames));
}

class Expansion {
  readonly #root: TemplateValue;

  constructor(root: TemplateValue) {
    this.#root = root;
  }

  nodes(nodes: readonly TemplateNode[]): string {
    return nodes.map((node) => this.#node(node)).join("");
  }

  #node(node: TemplateNode): string {
    switch (node.kind) {
      case "text":
        return node.text;
      case "value":
        return printValue(this.#pipeline(node.pipeline));
      case "if":
        return this.nodes(isTrue(this.#pipeline(node.condition)) ? node.matched : node.otherwise);
    }
  }

  #pipeline([first, ...others]: Pipeline): TemplateValue {
    return others.reduce((value, command) => this.#command(command, [value]), this.#command(first, []));
  }

  /** `piped` holds the value of the command before, if there is one. */
  #command({ operands: [first, ...others], text }: Command, piped: readonly TemplateValue[]): TemplateValue {
    if (first.kind !== "function") {
      if (others.length + piped.length > 0) {
        this.#fail(first, first.text, `can't give argument to non-function ${first.text}`);
      }
      return this.#operand(first);
    }
    const values = [...others.map((operand) => this.#operand(operand)), ...piped];
    try {
      return templateFunctions[first.name as keyof typeof templateFunctions](values);
    } catch (error) {
      return this.#fail(first, text, `error calling ${first.name}: ${(error as Error).message}`);
    }
  }

  #operand(operand: Operand): TemplateValue {
    switch (operand.kind) {
      case "literal":
        return operand.value;
      case "function":
        return this.#command({ operands: [operand], text: operand.text }, []);
      case "field":
        return this.#follow(operand, this.#root, operand.path);
      case "nested":
        return this.#follow(operand, this.#pipeline(operand.pipeline), operand.path);
    }
  }

  #follow(operand: Operand, from: TemplateValue, path: readonly string[]): TemplateValue {
    return path.reduce((value, name) => {
      const field = fieldOf(value, name);
      return "problem" in field ? this.#fail(operand, operand.text, field.problem) : field.value;
    }, from);
  }

  #fail(operand: Operand, at: string, problem: string): never {
    const place = `${operand.line}:${operand.offset}`;
    const message = `template: expansion:${place}: executing "expansion" at <${at}>: ${problem}`;
    throw new DomainError("invalid-parameter", message);
  }
}
