import type { TemplateValue } from "./template-value.ts";

/** One thing a command is made of; `at` is its place in the template. */
export type Operand = { readonly at: number } & (
  | { readonly kind: "literal"; readonly value: TemplateValue }
  | { readonly kind: "function"; readonly name: string }
  /** `.A.B`; no path for `.` itself. */
  | { readonly kind: "dot"; readonly path: readonly string[] }
  /** `$x.A.B`; `$` is what the template was given. */
  | { readonly kind: "variable"; readonly name: string; readonly path: readonly string[] }
  /** `(pipeline).A.B` */
  | { readonly kind: "nested"; readonly pipeline: Pipeline; readonly path: readonly string[] }
);

/** A function and its arguments, or one value. */
export type Command = readonly [Operand, ...Operand[]];

export interface Pipeline {
  /** `$x :=` makes a variable, `$x =` gives a new value to one. */
  readonly variable?: { readonly name: string; readonly made: boolean };
  /** Each one's value is the last argument of the next. */
  readonly commands: readonly [Command, ...Command[]];
}

export type TemplateNode =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "value"; readonly at: number; readonly pipeline: Pipeline }
  | { readonly kind: "break" | "continue" }
  | Block;

/** `{{if}}`, `{{with}}` and `{{range}}`. */
export interface Block {
  readonly kind: "if" | "with" | "range";
  readonly at: number;
  /** For each element `{{range $index, $element := pipeline}}` makes up to two variables. */
  readonly variables: readonly string[];
  readonly pipeline: Pipeline;
  readonly body: readonly TemplateNode[];
  readonly otherwise: readonly TemplateNode[];
}
