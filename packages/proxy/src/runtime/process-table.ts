/** What `show proc` of the master tells. */
export interface ProcessTable {
  readonly master: { readonly pid: number; readonly reloads: number; readonly failedReloads: number };
  readonly workers: readonly Worker[];
  /** Those that finish what they have begun. */
  readonly oldWorkers: readonly Worker[];
}

export interface Worker {
  readonly pid: number;
  /** Reloads since it was started. */
  readonly reloads: number;
  readonly uptimeSeconds: number;
}

/** Undefined when the text is no such table: the master is about to reload, for example. */
export function parseProcessTable(text: string): ProcessTable | undefined {
  const workers: Worker[] = [];
  const oldWorkers: Worker[] = [];
  let master: ProcessTable["master"] | undefined;
  let list = workers;
  for (const line of text.split("\n")) {
    if (line.startsWith("# old workers")) list = oldWorkers;
    const row = /^(\d+)\s+(\w+)\s+(\d+)\s+(?:\[failed: (\d+)\]\s+)?(\S+)/.exec(line);
    if (!row) continue;
    const [, pid, type, reloads, failed, uptime = ""] = row;
    if (type === "master") master = { pid: Number(pid), reloads: Number(reloads), failedReloads: Number(failed ?? 0) };
    else if (type === "worker")
      list.push({ pid: Number(pid), reloads: Number(reloads), uptimeSeconds: secondsOf(uptime) });
  }
  return master && { master, workers, oldWorkers };
}

/** `0d00h01m30s` */
function secondsOf(uptime: string): number {
  const [days = 0, hours = 0, minutes = 0, seconds = 0] = (uptime.match(/\d+/g) ?? []).map(Number);
  return ((days * 24 + hours) * 60 + minutes) * 60 + seconds;
}

/** The old workers that are too many: those with the fewest connections, of several the one that has been old for longest. */
export function surplusWorkers(
  { oldWorkers }: ProcessTable,
  most: number,
  connections: ReadonlyMap<number, number>,
): Worker[] {
  const connectionsOf = ({ pid }: Worker) => connections.get(pid) ?? 0;
  return oldWorkers
    .toSorted((a, b) => connectionsOf(a) - connectionsOf(b) || b.reloads - a.reloads)
    .slice(0, Math.max(0, oldWorkers.length - most));
}
