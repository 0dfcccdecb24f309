/**
 * The simple commands of a script, each as its words: those of pipelines, lists, loops, subshells and `$(…)` too, in the
 * order in which they end. A sieve for documentation, no shell: what it knows is what pages use.
 */
export function commandsOf(script: string): string[][] {
  const scanner = new Scanner(script);
  scanner.scan("");
  return scanner.commands.map(withoutSyntax).filter((words) => words.length > 0);
}

/** What a shell reads as one thing; the first that fits at a place is meant. */
const tokens = [
  /(?<skipped>\\\n|(?<=^|[\s;|&(])#[^\n]*)/,
  /\\(?<escaped>.)/,
  /'(?<literal>[^']*)'/,
  /(?<substitution>\$\()/,
  /(?<quote>")/,
  /(?<redirection>\d?[<>]+&?)/,
  /(?<end>[\n;|&()])/,
  /(?<blank>[ \t]+)/,
  /(?<plain>.)/,
];

/** The same between double quotes. */
const quotedTokens = [
  /(?<skipped>\\\n)/,
  /\\(?<escaped>["\\$`])/,
  /(?<substitution>\$\()/,
  /(?<quote>")/,
  /(?<plain>.)/,
];

const anyOf = (patterns: readonly RegExp[]) => new RegExp(patterns.map(({ source }) => source).join("|"), "sy");

class Scanner {
  readonly commands: string[][] = [];
  readonly #text: string;
  readonly #tokens = anyOf(tokens);
  readonly #quotedTokens = anyOf(quotedTokens);
  #at = 0;
  #words: string[] = [];
  #word: string | undefined;

  constructor(text: string) {
    this.#text = text;
  }

  /** Up to the end, or to `until`, which is passed over. */
  scan(until: string): void {
    let isQuoted = false;
    for (let token = this.#next(isQuoted); token !== undefined; token = this.#next(isQuoted)) {
      const { end, blank, quote, substitution, redirection } = token;
      if (end === until && end !== "") break;
      if (end !== undefined) this.#endCommand();
      else if (blank !== undefined) this.#endWord();
      else if (substitution !== undefined) this.#substitute();
      else if (redirection !== undefined) this.#redirect(redirection);
      else this.#append(token.escaped ?? token.literal ?? token.plain ?? (quote === undefined ? undefined : ""));
      if (quote !== undefined) isQuoted = !isQuoted;
    }
    this.#endCommand();
  }

  #next(isQuoted: boolean): Readonly<Record<string, string | undefined>> | undefined {
    const pattern = isQuoted ? this.#quotedTokens : this.#tokens;
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text);
    if (found === null) return undefined;
    this.#at = pattern.lastIndex;
    return found.groups;
  }

  /** Its commands are apart; what it prints is `$()` in the word that it is part of. */
  #substitute(): void {
    const [words, word] = [this.#words, this.#word ?? ""];
    [this.#words, this.#word] = [[], undefined];
    this.scan(")");
    [this.#words, this.#word] = [words, `${word}$()`];
  }

  #redirect(redirection: string): void {
    this.#endWord();
    this.#word = redirection;
  }

  #append(text: string | undefined): void {
    if (text !== undefined) this.#word = `${this.#word ?? ""}${text}`;
  }

  #endWord(): void {
    if (this.#word !== undefined) this.#words.push(this.#word);
    this.#word = undefined;
  }

  #endCommand(): void {
    this.#endWord();
    this.commands.push(this.#words);
    this.#words = [];
  }
}

const introductions = new Set(["do", "then", "else", "if", "while", "until", "!", "{", "time"]);

/** Without redirections, and without what a shell has before a command: keywords and assignments. */
function withoutSyntax(words: readonly string[]): string[] {
  if (words[0] === "for") return [];
  const rest = words.filter((word, at) => !/^\d?[<>]/.test(word) && !/^\d?[<>]+$/.test(words[at - 1] ?? ""));
  const start = rest.findIndex((word) => !introductions.has(word) && !/^\w+=/.test(word));
  return start < 0 ? [] : rest.slice(start);
}
