const named: Readonly<Record<string, string>> = {
  a: "\x07",
  b: "\b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
  v: "\v",
};

/** The value of Go's string constant, in quotes or backquotes; undefined when an escape in it is not right. */
export function unquote(text: string): string | undefined {
  if (text.startsWith("`")) return text.slice(1, -1);
  let right = true;
  const value = text
    .slice(1, -1)
    .replace(
      /\\(?:x([\da-fA-F]{2})|u([\da-fA-F]{4})|U([\da-fA-F]{8})|([0-7]{3})|(.))/gsu,
      (_, x, u, long, octal, letter) => {
        if (letter !== undefined) {
          if (named[letter] === undefined && !`\\"'`.includes(letter)) right = false;
          return named[letter] ?? letter;
        }
        const code = octal === undefined ? Number.parseInt(x ?? u ?? long, 16) : Number.parseInt(octal, 8);
        if (code > 0x10ffff) right = false;
        return right ? String.fromCodePoint(code) : "";
      },
    );
  return right ? value : undefined;
}
