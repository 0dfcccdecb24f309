import type { NameTarget, Zone } from "./dns-server.ts";

/** What differs between two zones of one network. A network has thousands of names, and one container changes a few. */
export interface ZoneChange {
  readonly networkId: string;
  readonly name: string;
  readonly names: Difference<NameTarget>;
  readonly reverse: Difference<string>;
}

export interface Difference<Value> {
  readonly put: readonly (readonly [string, Value])[];
  readonly remove: readonly string[];
}

export const diffZone = (before: Zone, after: Zone): ZoneChange => ({
  networkId: after.networkId,
  name: after.name,
  names: diff(before.names, after.names, isSameTarget),
  reverse: diff(before.reverse, after.reverse, (one, other) => one === other),
});

/** The zone after the change; `zone` is used up. */
export function changeZone(zone: Zone, change: ZoneChange): Zone {
  return {
    networkId: zone.networkId,
    name: change.name,
    names: patch(zone.names, change.names),
    reverse: patch(zone.reverse, change.reverse),
  };
}

function diff<Value>(
  before: ReadonlyMap<string, Value>,
  after: ReadonlyMap<string, Value>,
  isSame: (one: Value, other: Value) => boolean,
): Difference<Value> {
  const put: [string, Value][] = [];
  const remove: string[] = [];
  for (const [key, value] of after) {
    const known = before.get(key);
    if (known === undefined || !isSame(known, value)) put.push([key, value]);
  }
  if (after.size - put.length === before.size) return { put, remove };
  for (const key of before.keys()) if (!after.has(key)) remove.push(key);
  return { put, remove };
}

function isSameTarget(one: NameTarget, other: NameTarget): boolean {
  if (one === other) return true;
  return (
    one.ttlSeconds === other.ttlSeconds &&
    one.addresses.length === other.addresses.length &&
    one.addresses.every((address, i) => address === other.addresses[i])
  );
}

/** In place: the copy that a thread was sent is its own. */
function patch<Value>(map: ReadonlyMap<string, Value>, { put, remove }: Difference<Value>): Map<string, Value> {
  const patched = map instanceof Map ? (map as Map<string, Value>) : new Map(map);
  for (const key of remove) patched.delete(key);
  for (const [key, value] of put) patched.set(key, value);
  return patched;
}
