/** Lines of the one that the other has not, as often: `-` what is missing, `+` what should not be there. */
export function difference(wanted: readonly string[], seen: readonly string[]): string[] {
  const left = counts(wanted);
  const right = counts(seen);
  return [...more(left, right).map((line) => `- ${line}`), ...more(right, left).map((line) => `+ ${line}`)];
}

const more = (these: ReadonlyMap<string, number>, those: ReadonlyMap<string, number>): string[] =>
  [...these].filter(([line, n]) => (those.get(line) ?? 0) < n).map(([line]) => line);

function counts(lines: readonly string[]): Map<string, number> {
  const found = new Map<string, number>();
  for (const line of lines) found.set(line.trim(), (found.get(line.trim()) ?? 0) + 1);
  return found;
}
