import { isDeepStrictEqual } from "node:util";
import { compareTaskStates, isAttachment, type Node, type NodeId, type ServiceId, type Task } from "@skep/model";
import type { ChangeSet, Reader } from "@skep/store";
import type { Agenda } from "./agenda.ts";
import { isGlobal } from "./policy.ts";
import { isLive, slotKey } from "./slot.ts";

/** Marks what a change set asks the orchestrator to look at; costs no more than what changed does. */
export function markChanges({ changes }: ChangeSet, reader: Reader, agenda: Agenda): void {
  for (const change of changes) {
    switch (change.kind) {
      case "service":
        agenda.mark(change.id as ServiceId);
        break;
      case "task":
        markTask(change.before, change.after, agenda);
        break;
      case "node":
        if (concernsTasks(change.before, change.after)) markNode(change.id as NodeId, reader, agenda);
        break;
      case "cluster":
        markEverything(reader, agenda);
        break;
    }
  }
}

/** All services, and those that are gone but have tasks left. */
export function markEverything(reader: Reader, agenda: Agenda): void {
  for (const { id } of reader.all("service")) agenda.mark(id);
  for (const task of reader.all("task")) {
    if (!isAttachment(task) && reader.get("service", task.serviceId) === undefined) agenda.mark(task.serviceId);
  }
}

function markTask(before: Task | undefined, after: Task | undefined, agenda: Agenda): void {
  const task = after ?? before;
  if (!task || isAttachment(task) || (before && after && !concernsSlot(before, after))) return;
  const lost = before && !after && isLive(before);
  agenda.mark(task.serviceId, lost ? "all" : slotKey(task));
}

/** False for the steps of a task on its way to running, which most changes of tasks are. */
const concernsSlot = (before: Task, after: Task): boolean =>
  before.desiredState !== after.desiredState ||
  before.nodeId !== after.nodeId ||
  (before.status.state !== after.status.state && compareTaskStates(after.status.state, "running") >= 0);

const concernsTasks = (before: Node | undefined, after: Node | undefined): boolean =>
  before?.status.state !== after?.status.state ||
  before?.status.addr !== after?.status.addr ||
  !isDeepStrictEqual(before?.spec, after?.spec) ||
  !isDeepStrictEqual(before?.description, after?.description);

function markNode(id: NodeId, reader: Reader, agenda: Agenda): void {
  for (const task of reader.find("task", "node", id)) {
    if (!isAttachment(task)) agenda.mark(task.serviceId, slotKey(task));
  }
  for (const service of reader.all("service")) if (isGlobal(service)) agenda.mark(service.id, id);
}
