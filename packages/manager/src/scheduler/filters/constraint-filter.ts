import { type Constraint, nodeMatches, parseConstraints } from "@skep/model";
import { countNodes, type Filter, fits, type MakeFilter } from "./filter.ts";

export const constraintFilter: MakeFilter = (task) => {
  const expressions = task.spec.Placement?.Constraints ?? [];
  if (expressions.length === 0) return undefined;
  const parsed = parseOrError(expressions);
  const explain = (count: number) => `scheduling constraints not satisfied on ${countNodes(count)}`;
  if (parsed instanceof Error) return { check: () => 0, explain, detail: () => parsed.message };
  return {
    check: ({ node }) => fits(nodeMatches(parsed, node)),
    explain,
    detail(refused) {
      const failing = parsed.map((constraint) => ({
        constraint,
        count: refused.filter(({ node }) => !nodeMatches([constraint], node)).length,
      }));
      return failing
        .filter(({ count }) => count > 0)
        .map(({ constraint, count }) => `${format(constraint)} does not hold on ${countNodes(count)}`)
        .join(", ");
    },
  } satisfies Filter;
};

/** The control API refuses malformed constraints; one that got into the store all the same matches no node. */
function parseOrError(expressions: readonly string[]): readonly Constraint[] | Error {
  try {
    return parseConstraints(expressions);
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}

const format = ({ key, operator, value }: Constraint) => `${key}${operator}${value}`;
