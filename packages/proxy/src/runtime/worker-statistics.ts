import type { CommandSocket, Patience } from "./command-socket.ts";
import type { ProcessTable } from "./process-table.ts";

/** What one worker has counted since it started. */
export interface WorkerStatistics {
  readonly pid: number;
  /** It only finishes what it has begun. */
  readonly old: boolean;
  /** `show stat` of frontends, backends and servers; undefined when it runs, but does not answer. */
  readonly csv: string | undefined;
}

/** Frontends (1), backends (2) and servers (4). Never as JSON: that is 27 MB at 1000 services. */
const everything = "show stat -1 7 -1";

/** The counters of each worker, by way of the master, which still reaches old ones. */
export async function readWorkers(
  master: CommandSocket,
  table: ProcessTable,
  patience: Patience,
): Promise<WorkerStatistics[]> {
  const workers = [
    ...table.workers.map(({ pid }) => ({ pid, old: false })),
    ...table.oldWorkers.map(({ pid }) => ({ pid, old: true })),
  ];
  return Promise.all(
    workers.map(async (worker) => {
      const csv = await master.askUntil(`@!${worker.pid} ${everything}`, (answer) => answer, patience);
      return { ...worker, csv: csv?.startsWith("# pxname") ? csv : undefined };
    }),
  );
}

/** How many connections each of these workers has, by its process id; one that does not answer is left out. */
export async function readConnections(
  master: CommandSocket,
  workers: readonly { readonly pid: number }[],
): Promise<ReadonlyMap<number, number>> {
  const read = await Promise.all(
    workers.map(async ({ pid }) => {
      const info = (await master.askOrNothing(`@!${pid} show info`)) ?? "";
      const count = /^CurrConns: (\d+)$/m.exec(info)?.[1];
      return count === undefined ? [] : [[pid, Number(count)] as const];
    }),
  );
  return new Map(read.flat());
}
