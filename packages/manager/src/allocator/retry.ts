import { isDeepStrictEqual } from "node:util";
import type { Service, ServiceId, TaskId } from "@skep/model";
import type { Store, Transaction } from "@skep/store";
import { allocateService, endpointProblem } from "./allocate-service.ts";
import { allocateTask } from "./allocate-task.ts";
import type { Ipam } from "./ipam.ts";
import { awaitsAllocation } from "./waiting.ts";

const tasksPerTransaction = 200;

/** Gives a service and its waiting tasks what there is by now, and who still gets nothing the reason as it is now. */
export async function retryService(
  store: Store,
  serviceId: ServiceId,
  taskIds: readonly TaskId[],
  means: { readonly ipam: Ipam; readonly now: number },
): Promise<void> {
  for (let from = 0; from === 0 || from < taskIds.length; from += tasksPerTransaction) {
    const portion = taskIds.slice(from, from + tasksPerTransaction);
    const goesOn = await store.update((tx) => {
      const service = completed(tx, tx.get("service", serviceId), means.ipam);
      return allocateTasks(tx, service, portion, means);
    });
    if (!goesOn) return;
  }
}

function completed(tx: Transaction, service: Service | undefined, ipam: Ipam): Service | undefined {
  if (!service || endpointProblem(tx, service) === undefined) return service;
  const next = allocateService(tx, service, ipam);
  if (!isDeepStrictEqual(next, service)) tx.put("service", next);
  return tx.get("service", service.id);
}

/** False once a task got nothing: those behind it will not either, unless they are of another version of the service. */
function allocateTasks(
  tx: Transaction,
  service: Service | undefined,
  ids: readonly TaskId[],
  { ipam, now }: { readonly ipam: Ipam; readonly now: number },
): boolean {
  const hopeless = new Set<number>();
  for (const id of ids) {
    const task = tx.get("task", id);
    if (!task || !awaitsAllocation(task) || hopeless.has(task.specVersion)) continue;
    const next = allocateTask(tx, task, service, ipam, now);
    if (next.status.state === "new") hopeless.add(task.specVersion);
    if (next.status.state !== "new" || next.status.err !== task.status.err) tx.put("task", next);
  }
  return hopeless.size === 0;
}
