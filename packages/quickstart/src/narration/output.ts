/** Where the story is told. */
export interface Output {
  write(text: string): unknown;
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
}

/** Puts text into a colour, or leaves it as it is. */
export interface Paint {
  bold(text: string): string;
  dim(text: string): string;
  accent(text: string): string;
  good(text: string): string;
  bad(text: string): string;
}

/** Colours on a terminal alone, and not where NO_COLOR asks for none (no-color.org). */
export function paintFor(output: Output, environment: NodeJS.ProcessEnv): Paint {
  const coloured = output.isTTY === true && !environment.NO_COLOR && environment.TERM !== "dumb";
  const code = (on: number, off: number) => (text: string) => (coloured ? `\x1b[${on}m${text}\x1b[${off}m` : text);
  return { bold: code(1, 22), dim: code(2, 22), accent: code(33, 39), good: code(32, 39), bad: code(31, 39) };
}

const widest = 108;
/** Longer lines of text are tiring. */
export const widestText = 96;

/** How many columns the story takes. */
export const widthOf = ({ columns }: Output): number => Math.max(40, Math.min(columns || widest, widest));

/** Words in lines of at most `width` characters. */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(/\s+/).filter(Boolean)) {
    if (line !== "" && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else line = line === "" ? word : `${line} ${word}`;
  }
  return line === "" ? lines : [...lines, line];
}

/** Cut to `width` characters, with an ellipsis for what is missing. */
export const cut = (line: string, width: number): string =>
  line.length <= width ? line : `${line.slice(0, Math.max(0, width - 1))}…`;
