import type { TransportProtocol } from "@skep/model";

// Fields of what comes over the wire. Each throws, naming the field, when it is not what it should be.

export type Fields = Readonly<Record<string, unknown>>;

export function object(value: unknown, name: string): Fields {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw new Error(`${name} is no object`);
  return value as Fields;
}

export function array(value: unknown, name: string): readonly unknown[] {
  if (!Array.isArray(value)) throw new Error(`${name} is no list`);
  return value;
}

export function text(value: unknown, name: string): string {
  if (typeof value !== "string") throw new Error(`${name} is no text`);
  return value;
}

export function revision(value: unknown, name: string): number {
  if (!Number.isSafeInteger(value) || (value as number) < 0) throw new Error(`${name} is no revision`);
  return value as number;
}

/** Docker's clients fail on a time that is no RFC 3339, so none gets into the store. */
export function instant(value: unknown, name: string): void {
  if (!/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/.test(text(value, name)))
    throw new Error(`${name} is no RFC 3339 time`);
}

export function flag(value: unknown, name: string): boolean {
  if (typeof value !== "boolean") throw new Error(`${name} is no flag`);
  return value;
}

/** 0 where the port may be any. */
export function port(value: unknown, name: string): number {
  if (!Number.isInteger(value) || (value as number) < 0 || (value as number) > 65_535)
    throw new Error(`${name} is no port`);
  return value as number;
}

const protocols: ReadonlySet<unknown> = new Set<TransportProtocol>(["tcp", "udp", "sctp"]);

export function protocol(value: unknown, name: string): TransportProtocol {
  if (!protocols.has(value)) throw new Error(`${name} is no protocol`);
  return value as TransportProtocol;
}
