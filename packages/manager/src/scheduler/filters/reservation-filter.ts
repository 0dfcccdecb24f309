import type { Resources } from "@skep/model";
import type { NodeSummary } from "../node-load.ts";
import { countNodes, type Filter, type MakeFilter } from "./filter.ts";

/** Reservations are taken from what the node told; limits, and what its tasks really use, do not count. */
export const reservationFilter: MakeFilter = (task) => {
  const cpus = task.spec.Resources?.Reservations?.NanoCPUs ?? 0;
  const memory = task.spec.Resources?.Reservations?.MemoryBytes ?? 0;
  if (cpus <= 0 && memory <= 0) return undefined;
  return {
    check(node) {
      const { NanoCPUs = 0, MemoryBytes = 0 } = resourcesOf(node);
      return Math.min(
        room(NanoCPUs - node.load.reservedNanoCpus, cpus),
        room(MemoryBytes - node.load.reservedMemoryBytes, memory),
      );
    },
    explain: (count) => `insufficient resources on ${countNodes(count)}`,
    detail: (refused) => missing(cpus, memory, refused),
  } satisfies Filter;
};

const room = (free: number, need: number) =>
  need <= 0 ? Number.POSITIVE_INFINITY : Math.max(0, Math.floor(free / need));

const resourcesOf = ({ node }: NodeSummary): Resources => node.description?.Resources ?? {};

function missing(cpus: number, memory: number, refused: readonly NodeSummary[]): string {
  const mostCpus = Math.max(0, ...refused.map((node) => resourcesOf(node).NanoCPUs ?? 0));
  const mostMemory = Math.max(0, ...refused.map((node) => resourcesOf(node).MemoryBytes ?? 0));
  if (cpus > mostCpus)
    return `each task reserves ${formatCpus(cpus)}, the largest of these nodes has ${formatCpus(mostCpus)}`;
  if (memory > mostMemory) {
    return `each task reserves ${formatBytes(memory)} of memory, the largest of these nodes has ${formatBytes(mostMemory)}`;
  }
  const parts = [...(cpus > 0 ? [formatCpus(cpus)] : []), ...(memory > 0 ? [`${formatBytes(memory)} of memory`] : [])];
  return `each task reserves ${parts.join(" and ")}, which other tasks' reservations leave free on none of these nodes`;
}

const formatCpus = (nanoCpus: number) => (nanoCpus === 1e9 ? "1 CPU" : `${Number((nanoCpus / 1e9).toFixed(3))} CPUs`);

/** As `docker` prints memory: `1.5GiB`. */
function formatBytes(bytes: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  const power = bytes < 1 ? 0 : Math.min(units.length - 1, Math.floor(Math.log2(bytes) / 10));
  return `${Number((bytes / 1024 ** power).toPrecision(4))}${units[power]}`;
}
