/** A bar for each count, as long as its share of the greatest; in the order of the names' numbers. */
export function renderBars(counts: ReadonlyMap<string, number>, width: number): string[] {
  const names = [...counts.keys()].sort((a, b) => a.localeCompare(b, "en", { numeric: true }));
  const longest = Math.max(0, ...names.map((name) => name.length));
  const most = Math.max(1, ...counts.values());
  const room = Math.max(1, width - longest - 8);
  return names.map((name) => {
    const count = counts.get(name) ?? 0;
    const bar = "█".repeat(count === 0 ? 0 : Math.max(1, Math.round((count / most) * room)));
    return `${name.padEnd(longest)}  ${bar}${bar === "" ? "" : " "}${count}`;
  });
}

/** `NAME COUNT` lines, as a map; other lines are passed over. */
export function parseCounts(text: string): Map<string, number> {
  const lines = text.split("\n").map((line) => /^(\S+) (\d+)$/.exec(line.trim()));
  return new Map(lines.flatMap((match) => (match ? [[match[1] ?? "", Number(match[2])] as const] : [])));
}

/** How much each count has grown; a task that was not there before had none. */
export function growth(before: ReadonlyMap<string, number>, after: ReadonlyMap<string, number>): Map<string, number> {
  return new Map([...after].map(([name, count]) => [name, count - (before.get(name) ?? 0)]));
}
