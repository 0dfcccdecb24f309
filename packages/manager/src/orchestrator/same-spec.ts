/** Fields whose absence means the same as this value; the API writes some of them into every spec. */
const absentAs: Readonly<Record<string, unknown>> = { ForceUpdate: 0, Runtime: "container", Isolation: "default" };

/**
 * Whether two specs ask for the same. The order of keys does not matter, nor whether something empty (`null`, `[]`,
 * `{}`) is spelt out or left away, so that a client's other habits do not restart a service.
 */
export function sameSpec(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (Array.isArray(a) && Array.isArray(b)) return a.length === b.length && a.every((item, i) => sameSpec(item, b[i]));
  if (!isRecord(a) || !isRecord(b)) return false;
  const keysOfA = keysThatSay(a);
  return (
    keysOfA.length === keysThatSay(b).length &&
    keysOfA.every((key) => saysNothing(key, b[key]) === false && sameSpec(a[key], b[key]))
  );
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const keysThatSay = (record: Record<string, unknown>) =>
  Object.keys(record).filter((key) => !saysNothing(key, record[key]));

function saysNothing(key: string, value: unknown): boolean {
  if (value === undefined || value === null || value === absentAs[key]) return true;
  if (Array.isArray(value)) return value.length === 0;
  return isRecord(value) && keysThatSay(value).length === 0;
}
