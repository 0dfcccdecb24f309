import type { Mount, Task } from "@skep/model";
import type { NodeSummary } from "../node-load.ts";
import { countNodes, type Filter, fits, type MakeFilter } from "./filter.ts";

interface Plugin {
  readonly Type: "Log" | "Volume";
  readonly Name: string;
}

/** A node that told no plugin of a type at all is not asked for one: older engines do not report all types. */
export const pluginFilter: MakeFilter = (task) => {
  const needed = pluginsOf(task);
  if (needed.length === 0) return undefined;
  return {
    check: (node) => fits(needed.every((plugin) => !lacks(node, plugin))),
    explain: (count) => `missing plugin on ${countNodes(count)}`,
    detail(refused) {
      const absent = needed.filter((plugin) => refused.some((node) => lacks(node, plugin)));
      return absent.map(({ Type, Name }) => `needs the ${Type.toLowerCase()} plugin ${Name}`).join(", ");
    },
  } satisfies Filter;
};

function pluginsOf(task: Task): Plugin[] {
  const log = task.spec.LogDriver?.Name;
  const volumes = (task.spec.ContainerSpec?.Mounts ?? []).map(volumeDriver);
  return [
    ...(log && log !== "none" ? [{ Type: "Log", Name: log } as const] : []),
    ...volumes.flatMap((name) => (name && name !== "local" ? [{ Type: "Volume", Name: name } as const] : [])),
  ];
}

const volumeDriver = (mount: Mount) => (mount.Type === "volume" ? mount.VolumeOptions?.DriverConfig?.Name : undefined);

function lacks({ node }: NodeSummary, { Type, Name }: Plugin): boolean {
  const told = (node.description?.Engine.Plugins ?? []).filter((plugin) => plugin.Type === Type);
  return told.length > 0 && !told.some((plugin) => plugin.Name === Name || plugin.Name === `${Name}:latest`);
}
