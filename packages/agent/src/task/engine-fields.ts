import type { PortConfig } from "@skep/model";

/** A part of a body for the Engine API, with its own names. */
export type EngineFields = Readonly<Record<string, unknown>>;

/** A field only when it holds something: the engine's own default stands otherwise. */
export function given(name: string, value: unknown): EngineFields {
  const empty = value === undefined || value === "" || (Array.isArray(value) && value.length === 0);
  return empty ? {} : { [name]: value };
}

/** `80/tcp`. */
export const portKey = ({ TargetPort = 0, Protocol = "tcp" }: PortConfig): string => `${TargetPort}/${Protocol}`;
