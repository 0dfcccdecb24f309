import {
  type AgentMessage,
  isTaskState,
  type NetworkProblem,
  type NodeDescription,
  type TakenPort,
  type TaskId,
  type TaskStatus,
} from "@skep/model";
import { array, instant, object, port, protocol, revision, text } from "./fields.ts";

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
    case "network-applied":
      return {
        type: "network-applied",
        revision: revision(message.revision, "revision"),
        problems: array(message.problems, "problems").map(problem),
      };
    case "ports":
      return { type: "ports", id: text(message.id, "id"), taken: array(message.taken, "taken").map(takenPort) };
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

function problem(value: unknown): NetworkProblem {
  const fields = object(value, "problems[]");
  return { subject: text(fields.subject, "subject"), message: text(fields.message, "message") };
}

function takenPort(value: unknown): TakenPort {
  const fields = object(value, "taken[]");
  return {
    protocol: protocol(fields.protocol, "protocol"),
    published: port(fields.published, "published"),
    ...(fields.process !== undefined && { process: text(fields.process, "process") }),
  };
}
