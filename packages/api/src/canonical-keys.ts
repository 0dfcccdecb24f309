/**
 * A copy of a JSON object whose keys are spelt as in `names`, where they differ only by case, as Go's decoder matches
 * them. An exact key wins over one that differs; other keys are kept. Not deep: call it where the shape is known.
 */
export function canonicalKeys(
  object: Readonly<Record<string, unknown>>,
  names: readonly string[],
): Record<string, unknown> {
  const byFold = new Map(names.map((name) => [name.toLowerCase(), name]));
  const entries = Object.entries(object).map(([key, value]) => ({
    key,
    name: byFold.get(key.toLowerCase()) ?? key,
    value,
  }));
  const folded = entries.filter(({ key, name }) => key !== name);
  const exact = entries.filter(({ key, name }) => key === name);
  return Object.fromEntries([...folded, ...exact].map(({ name, value }) => [name, value]));
}
