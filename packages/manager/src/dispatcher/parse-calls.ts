import { type AttachRequest, type DetachRequest, DomainError, type SettleRequest, type TaskId } from "@skep/model";
import { array, type Fields, flag, object, port, protocol, text } from "./fields.ts";

// Bodies of what nodes ask their manager. Each throws `invalid-parameter`, naming the field, when it is malformed.

export const settleRequest = (body: Fields): SettleRequest =>
  checked(() => ({ taskId: taskId(body), withdraw: flag(body.withdraw, "withdraw") }));

export const detachRequest = (body: Fields): DetachRequest => checked(() => ({ taskId: taskId(body) }));

export const attachRequest = (body: Fields): AttachRequest =>
  checked(() => ({
    network: text(body.network, "network"),
    containerId: text(body.containerId, "containerId"),
    containerName: text(body.containerName, "containerName"),
    ...(body.address !== undefined && { address: text(body.address, "address") }),
    aliases: array(body.aliases, "aliases").map((alias) => text(alias, "aliases[]")),
    hostPorts: array(body.hostPorts, "hostPorts").map(hostPort),
  }));

function hostPort(value: unknown): AttachRequest["hostPorts"][number] {
  const fields = object(value, "hostPorts[]");
  return {
    protocol: protocol(fields.protocol, "protocol"),
    published: port(fields.published, "published"),
    target: port(fields.target, "target"),
  };
}

const taskId = (body: Fields): TaskId => text(body.taskId, "taskId") as TaskId;

function checked<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw new DomainError("invalid-parameter", `malformed request: ${(error as Error).message}`);
  }
}
