import { platformMatches } from "@skep/model";
import { countNodes, fits, type MakeFilter } from "./filter.ts";

export const platformFilter: MakeFilter = (task) => {
  const platforms = task.spec.Placement?.Platforms ?? [];
  if (platforms.length === 0) return undefined;
  const wanted = platforms.map(({ OS, Architecture }) => [OS, Architecture].filter(Boolean).join("/")).join(", ");
  return {
    check: ({ node }) => fits(platformMatches(platforms, node)),
    explain: (count) => `unsupported platform on ${countNodes(count)}`,
    detail: () => `the image is for ${wanted}`,
  };
};
