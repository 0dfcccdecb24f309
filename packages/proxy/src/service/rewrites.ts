import { malformed } from "./parameter-error.ts";
import type { Rewrite } from "./service.ts";

/**
 * `search,replace[:search,replace...]`: neither colon nor comma can be part of an expression. Blanks belong to it.
 * Throws ParameterError.
 */
export const parseRewrites = (text: string, parameter: string): Rewrite[] =>
  text
    .split(":")
    .filter((pair) => pair.trim() !== "")
    .map((pair) => {
      const [search = "", replace, ...rest] = pair.split(",");
      if (search !== "" && replace !== undefined && rest.length === 0) return { search, replace };
      throw malformed(parameter, pair, "must be an expression and its replacement, separated by one comma");
    });

/** The inverse of `parseRewrites`. */
export const formatRewrites = (rewrites: readonly Rewrite[]): string =>
  rewrites.map(({ search, replace }) => `${search},${replace}`).join(":");
