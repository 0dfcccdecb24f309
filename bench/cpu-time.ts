import { readdirSync, readFileSync } from "node:fs";

/** Milliseconds all threads of a process have run so far; of `/proc/PID/stat` the unit would be 10 ms. */
export function cpuMs(pid: number | undefined): number {
  const threads = readdirSync(`/proc/${pid}/task`);
  const nanoseconds = threads.map((thread) => {
    const [ran] = readFileSync(`/proc/${pid}/task/${thread}/schedstat`, "utf8").split(" ");
    return Number(ran);
  });
  return nanoseconds.reduce((sum, each) => sum + each, 0) / 1e6;
}
