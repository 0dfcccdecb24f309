import { failAt, type TemplateSource } from "./template-error.ts";
import type { Token } from "./template-tokens.ts";

/** Walks along the tokens of a template. */
export class TokenReader {
  readonly #source: TemplateSource;
  readonly #tokens: readonly Token[];
  #next = 0;

  constructor(source: TemplateSource, tokens: readonly Token[]) {
    this.#source = source;
    this.#tokens = tokens;
  }

  peek(ahead = 0): Token | undefined {
    return this.#tokens[this.#next + ahead];
  }

  take(): Token | undefined {
    return this.#tokens[this.#next++];
  }

  takeIf(kind: Token["kind"]): Token | undefined {
    return this.peek()?.kind === kind ? this.take() : undefined;
  }

  want(kind: Token["kind"]): Token {
    const token = this.take();
    return token?.kind === kind ? token : this.fail(unexpected(token));
  }

  /** Fails at the token taken last. */
  fail(problem: string): never {
    return failAt(this.#source, this.#tokens[this.#next - 1]?.at ?? 0, problem);
  }
}

export const unexpected = (token: Token | undefined): string =>
  token ? `unexpected ${JSON.stringify(token.text)}` : "unexpected end of the template";
