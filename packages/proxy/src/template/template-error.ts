import { DomainError, type ErrorCode } from "@skep/model";

/** A template that cannot be read or carried out; the message names the file and, where there is one, the line. */
export class TemplateError extends DomainError {
  override readonly name = "TemplateError";

  constructor(problem: string, code: ErrorCode = "invalid-parameter", options?: ErrorOptions) {
    super(code, `template ${problem}`, options);
  }
}

export interface TemplateSource {
  /** The file's name. */
  readonly name: string;
  readonly text: string;
}

/** As `template /cfg/tmpl/go-demo-fe.tmpl:3: unclosed action`; `at` is a place in the text. */
export function failAt({ name, text }: TemplateSource, at: number, problem: string, cause?: unknown): never {
  const line = text.slice(0, at).split("\n").length;
  throw new TemplateError(`${name}:${line}: ${problem}`, "invalid-parameter", cause === undefined ? {} : { cause });
}
