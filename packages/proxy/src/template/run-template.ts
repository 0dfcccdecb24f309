import { parseTemplate } from "./parse-template.ts";
import { failAt, type TemplateSource } from "./template-error.ts";
import { templateFunctions } from "./template-functions.ts";
import type { Block, Command, Operand, Pipeline, TemplateNode } from "./template-nodes.ts";
import {
  entriesOf,
  fieldOf,
  isList,
  isObject,
  isTrue,
  kindOf,
  printValue,
  type TemplateValue,
} from "./template-value.ts";

/** A template that takes more is not carried out to its end: about a tenth of a second. */
const mostSteps = 200_000;
const longestOutput = 1024 * 1024;
/** Work on texts counts as one step for so many characters. */
const charactersPerStep = 64;

/**
 * Carries out a Go template on `data`. Nothing is escaped. Throws a TemplateError with the line when the template is
 * broken, names a field that is not there, or would run too long.
 */
export function runTemplate(source: TemplateSource, data: TemplateValue): string {
  const run = new Run(source, data);
  run.nodes(parseTemplate(source), data);
  return run.output();
}

interface Variable {
  readonly name: string;
  value: TemplateValue;
}

/** What the loop does after a node: goes on, or leaves or begins anew with the next element. */
type Flow = "break" | "continue" | undefined;

class Run {
  readonly #source: TemplateSource;
  readonly #variables: Variable[];
  readonly #output: string[] = [];
  #length = 0;
  #steps = 0;

  constructor(source: TemplateSource, data: TemplateValue) {
    this.#source = source;
    this.#variables = [{ name: "$", value: data }];
  }

  output(): string {
    return this.#output.join("");
  }

  nodes(nodes: readonly TemplateNode[], dot: TemplateValue): Flow {
    const known = this.#variables.length;
    let flow: Flow;
    for (const node of nodes) {
      flow = this.#node(node, dot);
      if (flow) break;
    }
    this.#variables.length = known;
    return flow;
  }

  #node(node: TemplateNode, dot: TemplateValue): Flow {
    switch (node.kind) {
      case "text":
        this.#write(node.text, 0);
        return undefined;
      case "value": {
        const value = this.#pipeline(node.pipeline, dot);
        if (!node.pipeline.variable) this.#write(printValue(value), node.at);
        return undefined;
      }
      case "break":
      case "continue":
        return node.kind;
      default:
        return this.#block(node, dot);
    }
  }

  #block(block: Block, dot: TemplateValue): Flow {
    const known = this.#variables.length;
    const value = this.#pipeline(block.pipeline, dot);
    const flow = block.kind === "range" ? this.#range(block, value, dot) : this.#choose(block, value, dot);
    this.#variables.length = known;
    return flow;
  }

  #choose({ kind, body, otherwise }: Block, value: TemplateValue, dot: TemplateValue): Flow {
    if (!isTrue(value)) return this.nodes(otherwise, dot);
    return this.nodes(body, kind === "with" ? value : dot);
  }

  #range({ at, variables, body, otherwise }: Block, value: TemplateValue, dot: TemplateValue): Flow {
    let empty = true;
    for (const [key, element] of this.#elements(value, at)) {
      empty = false;
      this.#spend(1, at);
      const known = this.#variables.length;
      const values = variables.length === 2 ? [key, element] : [element];
      this.#variables.push(...variables.map((name, i) => ({ name, value: values[i] ?? null })));
      const flow = this.nodes(body, element);
      this.#variables.length = known;
      if (flow === "break") break;
    }
    if (!empty) return undefined;
    this.#variables.push(...variables.map((name) => ({ name, value }))); // as Go
    return this.nodes(otherwise, dot);
  }

  #elements(value: TemplateValue, at: number): Iterable<readonly [TemplateValue, TemplateValue]> {
    if (value === null) return [];
    if (isList(value)) return value.entries();
    if (isObject(value)) return entriesOf(value);
    if (typeof value === "number" && value >= 0)
      return Array.from({ length: Math.min(value, mostSteps) }, (_, i) => [i, i]);
    return failAt(this.#source, at, `{{range}} cannot go over ${kindOf(value)}`);
  }

  #pipeline({ variable, commands: [first, ...others] }: Pipeline, dot: TemplateValue): TemplateValue {
    let value = this.#command(first, dot, []);
    for (const command of others) value = this.#command(command, dot, [value]);
    if (variable?.made) this.#variables.push({ name: variable.name, value });
    else if (variable) this.#variable(variable.name).value = value;
    return value;
  }

  /** `piped` holds the value of the command before, if there is one. */
  #command([first, ...others]: Command, dot: TemplateValue, piped: readonly TemplateValue[]): TemplateValue {
    if (first.kind === "function") return this.#call(first, others, dot, piped);
    if (others.length + piped.length > 0) {
      return failAt(this.#source, first.at, "only a function can have arguments, and this is none");
    }
    return this.#operand(first, dot);
  }

  #call(
    { name, at }: Extract<Operand, { kind: "function" }>,
    operands: readonly Operand[],
    dot: TemplateValue,
    piped: readonly TemplateValue[],
  ): TemplateValue {
    this.#spend(1, at);
    if (name === "and" || name === "or") return this.#decide(name, at, operands, dot, piped);
    const values = [...operands.map((operand) => this.#operand(operand, dot)), ...piped];
    for (const value of values) if (typeof value === "string") this.#spend(value.length / charactersPerStep, at);
    const result = this.#attempt(at, `${name}: `, () => templateFunctions.get(name)?.(values) ?? null);
    if (typeof result === "string") this.#spend(result.length / charactersPerStep, at);
    return result;
  }

  /** `and` is the first value that is false, `or` the first that is true; else the last. What follows is not looked at. */
  #decide(
    name: "and" | "or",
    at: number,
    operands: readonly Operand[],
    dot: TemplateValue,
    piped: readonly TemplateValue[],
  ): TemplateValue {
    let last: TemplateValue | undefined;
    for (const operand of operands) {
      last = this.#operand(operand, dot);
      if (isTrue(last) === (name === "or")) return last;
    }
    last = piped[0] ?? last;
    return last === undefined ? failAt(this.#source, at, `${name}: it wants at least 1 argument`) : last;
  }

  #operand(operand: Operand, dot: TemplateValue): TemplateValue {
    this.#spend(1, operand.at);
    switch (operand.kind) {
      case "literal":
        return operand.value;
      case "function":
        return this.#call(operand, [], dot, []);
      case "dot":
        return this.#follow(dot, operand);
      case "variable":
        return this.#follow(this.#variable(operand.name).value, operand);
      case "nested":
        return this.#follow(this.#pipeline(operand.pipeline, dot), operand);
    }
  }

  #follow(from: TemplateValue, { at, path }: { readonly at: number; readonly path: readonly string[] }): TemplateValue {
    return this.#attempt(at, "", () => path.reduce(fieldOf, from));
  }

  /** The parser has seen to it that there is one. */
  #variable(name: string): Variable {
    const variable = this.#variables.findLast((each) => each.name === name);
    if (!variable) throw new Error(`variable ${name} is not known`);
    return variable;
  }

  #attempt<T>(at: number, context: string, work: () => T): T {
    try {
      return work();
    } catch (error) {
      return failAt(this.#source, at, `${context}${(error as Error).message}`, error);
    }
  }

  #write(text: string, at: number): void {
    this.#length += text.length;
    if (this.#length > longestOutput) failAt(this.#source, at, `the result is longer than ${longestOutput} characters`);
    this.#output.push(text);
  }

  #spend(steps: number, at: number): void {
    this.#steps += steps;
    if (this.#steps > mostSteps) failAt(this.#source, at, "it takes too many steps");
  }
}
