import type { Node } from "@skep/model";
import { countNodes, type Filter, fits } from "./filter.ts";

export const isAvailable = (node: Node): boolean =>
  node.status.state === "ready" && node.spec.Availability === "active";

const namesShown = 3;

export const readyFilter = (): Filter => ({
  check: ({ node }) => fits(isAvailable(node)),
  explain: (count) => `${countNodes(count)} not available for new tasks`,
  detail(refused) {
    const named = refused.slice(0, namesShown).map(({ node }) => `${nameOf(node)} is ${conditionOf(node)}`);
    const more = refused.length - named.length;
    return [...named, ...(more > 0 ? [`${more} more`] : [])].join(", ");
  },
});

const nameOf = (node: Node) => node.description?.Hostname ?? node.id;

function conditionOf(node: Node): string {
  if (node.status.state !== "ready") return node.status.state;
  return node.spec.Availability === "drain" ? "drained" : "paused";
}
