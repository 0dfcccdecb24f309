import { DomainError } from "@skep/model";

/** Parses a request body; throws DomainError with the words of Go's decoder, which clients of Docker know. */
export function parseGoJson(text: string): unknown {
  if (nestsDeeperThan(text, deepest)) throw invalid("exceeded max depth");
  try {
    return JSON.parse(text);
  } catch {
    throw invalid(goJsonError(text));
  }
}

/** What Go's decoder says about `text`, which JSON.parse refused: `invalid character 'b' looking for beginning of value`. */
export const goJsonError = (text: string): string => new Scanner(text).firstProblem();

/** As Go's `maxNestingDepth`. */
const deepest = 10_000;

const invalid = (message: string) => new DomainError("invalid-parameter", message);

function nestsDeeperThan(text: string, limit: number): boolean {
  if (text.length <= limit) return false;
  let depth = 0;
  let inString = false;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (inString) {
      if (code === 0x5c) at += 1;
      else if (code === 0x22) inString = false;
    } else if (code === 0x22) inString = true;
    else if (code === 0x7b || code === 0x5b) depth += 1;
    else if (code === 0x7d || code === 0x5d) depth -= 1;
    if (depth > limit) return true;
  }
  return false;
}

class Problem extends Error {}

/** Finds what Go's `encoding/json` would complain about first, in its words (`scanner.go`); for text JSON.parse refused. */
class Scanner {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  firstProblem(): string {
    try {
      this.#space();
      if (this.#at === this.#text.length) return "got EOF while reading request body";
      this.#value();
    } catch (problem) {
      if (problem instanceof Problem) return problem.message;
      if (problem instanceof RangeError) return "exceeded max depth"; // of our own stack, before Go's limit
      throw problem;
    }
    return "unexpected content after JSON";
  }

  #value(): void {
    this.#space();
    const first = this.#peek();
    if (first === "{") this.#object();
    else if (first === "[") this.#array();
    else if (first === '"') this.#string();
    else if (first === "-" || isDigit(first)) this.#number();
    else if (first === "t" || first === "f" || first === "n")
      this.#literal(first === "t" ? "true" : first === "f" ? "false" : "null");
    else this.#fail("looking for beginning of value");
  }

  #object(): void {
    this.#at += 1;
    this.#space();
    if (this.#take("}")) return;
    for (;;) {
      this.#space();
      if (this.#peek() !== '"') this.#fail("looking for beginning of object key string");
      this.#string();
      this.#space();
      if (!this.#take(":")) this.#fail("after object key");
      this.#value();
      this.#space();
      if (this.#take("}")) return;
      if (!this.#take(",")) this.#fail("after object key:value pair");
    }
  }

  #array(): void {
    this.#at += 1;
    this.#space();
    if (this.#take("]")) return;
    for (;;) {
      this.#value();
      this.#space();
      if (this.#take("]")) return;
      if (!this.#take(",")) this.#fail("after array element");
    }
  }

  #string(): void {
    this.#at += 1;
    while (!this.#take('"')) {
      if (this.#take("\\")) this.#escape();
      else if (this.#peek() < " ") this.#fail("in string literal");
      else this.#at += 1;
    }
  }

  #escape(): void {
    const kind = this.#peek();
    if (!'bfnrt\\/"u'.includes(kind)) this.#fail("in string escape code");
    this.#at += 1;
    for (let digit = 0; kind === "u" && digit < 4; digit++) {
      if (!/[0-9a-fA-F]/.test(this.#peek())) this.#fail("in \\u hexadecimal character escape");
      this.#at += 1;
    }
  }

  #number(): void {
    if (this.#take("-") && !isDigit(this.#peek())) this.#fail("in numeric literal");
    if (!this.#take("0")) this.#digits();
    if (this.#more(".")) {
      if (!isDigit(this.#peek())) this.#fail("after decimal point in numeric literal");
      this.#digits();
    }
    if (this.#more("e") || this.#more("E")) {
      if (!this.#more("+")) this.#more("-");
      if (!isDigit(this.#peek())) this.#fail("in exponent of numeric literal");
      this.#digits();
    }
  }

  #digits(): void {
    while (this.#at < this.#text.length && isDigit(this.#peek())) this.#at += 1;
  }

  #literal(word: string): void {
    for (const letter of word) {
      if (!this.#take(letter)) this.#fail(`in literal ${word} (expecting '${letter}')`);
    }
  }

  #space(): void {
    while (this.#at < this.#text.length && " \t\r\n".includes(this.#peek())) this.#at += 1;
  }

  /** The next character; its absence is a problem of its own. */
  #peek(): string {
    const character = this.#text[this.#at];
    if (character === undefined) throw new Problem("unexpected EOF");
    return character;
  }

  #take(character: string): boolean {
    if (this.#peek() !== character) return false;
    this.#at += 1;
    return true;
  }

  /** As `#take`, where the text may also end. */
  #more(character: string): boolean {
    return this.#at < this.#text.length && this.#take(character);
  }

  #fail(context: string): never {
    throw new Problem(`invalid character ${quote(this.#peek())} ${context}`);
  }
}

const isDigit = (character: string): boolean => character >= "0" && character <= "9";

function quote(character: string): string {
  if (character === "'") return "'\\''";
  if (character === '"') return "'\"'";
  return `'${JSON.stringify(character).slice(1, -1)}'`;
}
