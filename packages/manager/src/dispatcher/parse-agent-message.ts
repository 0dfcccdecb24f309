import { type AgentMessage, isTaskState, type NodeDescription, type TaskId, type TaskStatus } from "@skep/model";

type Fields = Readonly<Record<string, unknown>>;

/** A line of an agent. Undefined for a type this version does not know; throws, naming the field, when malformed. */
export function parseAgentMessage(value: unknown): AgentMessage | undefined {
  const message = object(value, "message");
  switch (message.type) {
    case "hello":
      return {
        type: "hello",
        description: description(message.description),
        appliedRevision: revision(message.appliedRevision, "appliedRevision"),
      };
    case "heartbeat":
      return { type: "heartbeat" };
    case "description":
      return { type: "description", description: description(message.description) };
    case "status":
      return { type: "status", updates: array(message.updates, "updates").map(statusUpdate) };
    case "applied":
      return { type: "applied", revision: revision(message.revision, "revision") };
    default:
      text(message.type, "type");
      return undefined;
  }
}

function description(value: unknown): NodeDescription {
  const fields = object(value, "description");
  text(fields.Hostname, "description.Hostname");
  const platform = object(fields.Platform, "description.Platform");
  text(platform.Architecture, "description.Platform.Architecture");
  text(platform.OS, "description.Platform.OS");
  object(fields.Resources, "description.Resources");
  text(object(fields.Engine, "description.Engine").EngineVersion, "description.Engine.EngineVersion");
  return fields as unknown as NodeDescription;
}

function statusUpdate(value: unknown): { taskId: TaskId; status: TaskStatus } {
  const fields = object(value, "updates[]");
  return { taskId: text(fields.taskId, "taskId") as TaskId, status: status(fields.status) };
}

function status(value: unknown): TaskStatus {
  const fields = object(value, "status");
  const state = text(fields.state, "status.state");
  if (!isTaskState(state)) throw new Error(`status.state: ${JSON.stringify(state)} is no task state`);
  instant(fields.timestamp, "status.timestamp");
  text(fields.message, "status.message");
  if (fields.err !== undefined) text(fields.err, "status.err");
  if (fields.runningAt !== undefined) instant(fields.runningAt, "status.runningAt");
  if (fields.container !== undefined) text(object(fields.container, "status.container").id, "status.container.id");
  if (fields.ports !== undefined) array(fields.ports, "status.ports");
  return fields as unknown as TaskStatus;
}

function object(value: unknown, name: string): Fields {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw new Error(`${name} is no object`);
  return value as Fields;
}

function array(value: unknown, name: string): readonly unknown[] {
  if (!Array.isArray(value)) throw new Error(`${name} is no list`);
  return value;
}

function text(value: unknown, name: string): string {
  if (typeof value !== "string") throw new Error(`${name} is no text`);
  return value;
}

function revision(value: unknown, name: string): number {
  if (!Number.isSafeInteger(value) || (value as number) < 0) throw new Error(`${name} is no revision`);
  return value as number;
}

/** Docker's clients fail on a time that is no RFC 3339, so none gets into the store. */
function instant(value: unknown, name: string): void {
  if (!/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/.test(text(value, name)))
    throw new Error(`${name} is no RFC 3339 time`);
}
