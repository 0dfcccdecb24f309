import type { Logger } from "@skep/model";
import { ParameterError, type ParseContext, parseService } from "../service/index.ts";
import type { Route } from "./route-table.ts";
import { routedQuery } from "./routed-query.ts";

/** Turns parameters into routes. */
export class RouteReader {
  readonly #context: ParseContext;
  readonly #log: Logger;

  constructor(context: ParseContext, log: Logger) {
    this.#context = context;
    this.#log = log;
  }

  /** Throws ParameterError. */
  read(parameters: URLSearchParams): Route {
    return { service: parseService(parameters, this.#context), query: routedQuery(parameters) };
  }

  /** Of parameters that were good once, here or on another replica; undefined when they no longer are. */
  tryRead(query: string): Route | undefined {
    try {
      return this.read(new URLSearchParams(query));
    } catch (error) {
      if (!(error instanceof ParameterError)) throw error;
      this.#log.warn({ reason: error.message }, "a route cannot be used here");
      return undefined;
    }
  }
}
