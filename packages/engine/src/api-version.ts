/** Negative when API version `a` is older than `b`; `1.9` is older than `1.41`. */
export function compareApiVersions(a: string, b: string): number {
  const left = a.split(".").map(Number);
  const right = b.split(".").map(Number);
  for (let i = 0; i < Math.max(left.length, right.length); i++) {
    const difference = (left[i] ?? 0) - (right[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

/** The version nearest to `wanted` that lies within `oldest` and `newest`. */
export function clampApiVersion(wanted: string, oldest: string, newest: string): string {
  if (compareApiVersions(wanted, newest) > 0) return newest;
  return compareApiVersions(wanted, oldest) < 0 ? oldest : wanted;
}
