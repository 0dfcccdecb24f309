import type { ProcessTable } from "./process-table.ts";

/** What can be seen of a reload from outside. */
export interface ReloadSigns {
  /** That the newest worker runs; undefined while it does not answer. */
  readonly generation: number | undefined;
  /** Undefined while the master does not answer. */
  readonly table: ProcessTable | undefined;
}

/**
 * How far a reload to a generation is, judged by the master's table from before. HAProxy loses a signal to reload that
 * comes too soon after another: "lost" says that nothing has begun (or not yet).
 */
export function reloadState(
  { generation, table }: ReloadSigns,
  wanted: number,
  before: ProcessTable | undefined,
): "live" | "failed" | "under way" | "lost" {
  if (generation === wanted) return "live";
  if (!table || !before || table.master.pid !== before.master.pid) return "under way";
  const { reloads, failedReloads } = table.master;
  if (reloads === before.master.reloads) return "lost";
  return failedReloads > 0 ? "failed" : "under way";
}
