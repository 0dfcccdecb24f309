import { hostPorts } from "../node-load.ts";
import { countNodes, fits, type MakeFilter } from "./filter.ts";

/** A port stays taken until the container that has it has ended, even when its task is already meant to stop. */
export const hostPortFilter: MakeFilter = (task) => {
  const ports = hostPorts(task);
  if (ports.length === 0) return undefined;
  return {
    check: ({ load }) => Math.min(1, fits(!ports.some((port) => load.hasPort(port)))),
    explain: (count) => `host-mode port already in use on ${countNodes(count)}`,
    detail: () => `each task needs ${ports.join(", ")} of its node`,
  };
};
