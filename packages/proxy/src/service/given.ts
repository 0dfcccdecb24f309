import {
  type DestinationParameterName,
  type DestinationValues,
  destinationParameters,
  type Parameter,
  type ServiceValues,
  serviceParameters,
} from "./parameters.ts";
import type { ParseContext } from "./parse-context.ts";

/** A parameter as the caller gave it: its text, and under which name. */
export interface Found {
  readonly name: string;
  readonly text: string;
}

/** A destination before its values are read: which values stand for it. */
export interface GivenDestination {
  readonly index: number;
  readonly find: (name: DestinationParameterName) => Found | undefined;
}

/** The parameters of one service, found by name. Empty ones count as not given; of repeated ones the first counts. */
export class Given {
  readonly #byName = new Map<string, Found>();
  readonly #byLowerName = new Map<string, Found>();

  constructor(parameters: URLSearchParams) {
    for (const [name, text] of parameters) {
      if (text === "") continue;
      const found = { name, text };
      if (!this.#byName.has(name)) this.#byName.set(name, found);
      if (!this.#byLowerName.has(name.toLowerCase())) this.#byLowerName.set(name.toLowerCase(), found);
    }
  }

  /** Case does not matter, but the exact name goes first. */
  ofService(name: string): Found | undefined {
    return this.#byName.get(name) ?? this.#byLowerName.get(name.toLowerCase());
  }

  /** With index 0 the name without suffix; case matters. */
  ofDestination(name: string, index: number): Found | undefined {
    return this.#byName.get(index === 0 ? name : `${name}.${index}`);
  }
}

type Table = Readonly<Record<string, Parameter<unknown>>>;

function readAll(
  table: Table,
  find: (name: string, parameter: Parameter<unknown>) => Found | undefined,
  context: ParseContext,
): Readonly<Record<string, unknown>> {
  const read = ([name, parameter]: [string, Parameter<unknown>]): [string, unknown] => {
    const found = find(name, parameter);
    return [name, found ? parameter.kind.parse(found.text, found.name, context) : parameter.kind.absent];
  };
  return Object.fromEntries(Object.entries(table).map(read));
}

/** Throws ParameterError. */
export function readServiceValues(given: Given, context: ParseContext): ServiceValues {
  const find = (name: string, { oldName }: Parameter<unknown>) =>
    given.ofService(name) ?? (oldName === undefined ? undefined : given.ofService(oldName));
  return readAll(serviceParameters, find, context) as ServiceValues;
}

/** Throws ParameterError. */
export const readDestinationValues = (given: GivenDestination, context: ParseContext): DestinationValues =>
  readAll(destinationParameters, (name) => given.find(name as DestinationParameterName), context) as DestinationValues;
