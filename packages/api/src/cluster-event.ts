import { isHidden, type Node, type Service } from "@skep/model";
import type { AnyChange, Change, ChangeSet } from "@skep/store";

/** One line of `GET /events`, in the Engine API's own shape. */
export interface ClusterEvent {
  readonly Type: "service" | "node" | "network" | "secret" | "config";
  readonly Action: "create" | "update" | "remove" | "connect" | "disconnect";
  readonly Actor: { readonly ID: string; readonly Attributes: Readonly<Record<string, string>> };
  readonly scope: "swarm" | "local";
  /** Unix seconds. */
  readonly time: number;
  /** Unix nanoseconds, as exact as a double holds them. */
  readonly timeNano: number;
}

/** The events a change set makes: as moby's `daemon/events.go`; there are none of tasks. `nowMs` dates removals. */
export function clusterEvents({ changes }: Pick<ChangeSet, "changes">, nowMs: number): ClusterEvent[] {
  return changes.flatMap((change) => {
    const about = describeChange(change);
    return about ? [clusterEvent(about, change, nowMs)] : [];
  });
}

/** A container of this node has joined or left a network: told by its node alone, as by the engine of its own networks. */
export const attachmentEvent = (
  {
    action,
    containerId,
    network,
  }: {
    readonly action: "connect" | "disconnect";
    readonly containerId: string;
    readonly network: { readonly id: string; readonly name: string };
  },
  nowMs: number,
): ClusterEvent => ({
  Type: "network",
  Action: action,
  Actor: { ID: network.id, Attributes: { container: containerId, name: network.name, type: "overlay" } },
  scope: "local",
  time: Math.floor(nowMs / 1000),
  timeNano: nowMs * 1e6,
});

interface Description {
  readonly type: ClusterEvent["Type"];
  readonly attributes: Attributes;
}
type Attributes = Record<string, string>;

function describeChange(change: AnyChange): Description | undefined {
  switch (change.kind) {
    case "service":
      return { type: "service", attributes: serviceAttributes(change) };
    case "node":
      return { type: "node", attributes: nodeAttributes(change) };
    case "network": {
      const { before, after } = change;
      if (before && isHidden(before)) return undefined; // operators have seen it go already
      return { type: "network", attributes: { name: (after ?? before)?.spec.Name ?? "" } };
    }
    case "secret":
    case "config": {
      const { before, after } = change;
      return { type: change.kind, attributes: { name: (after ?? before)?.spec.Name ?? "" } };
    }
    default:
      return undefined;
  }
}

function clusterEvent({ type, attributes }: Description, change: AnyChange, nowMs: number): ClusterEvent {
  const { before } = change;
  const after = isGone(change) ? undefined : change.after;
  const Action = after === undefined ? "remove" : before === undefined ? "create" : "update";
  const atMs = after === undefined ? nowMs : Date.parse(before === undefined ? after.createdAt : after.updatedAt);
  return {
    Type: type,
    Action,
    Actor: { ID: change.id, Attributes: Object.fromEntries(Object.entries(attributes).sort()) },
    scope: "swarm",
    time: Math.floor(atMs / 1000),
    timeNano: atMs * 1e6,
  };
}

/** A network is removed for operators before it is deleted. */
const isGone = (change: AnyChange): boolean =>
  change.after === undefined || (change.kind === "network" && isHidden(change.after));

function serviceAttributes({ before, after }: Change<"service">): Attributes {
  const attributes = { name: (after ?? before)?.spec.Name ?? "" };
  if (!before || !after) return attributes;
  return {
    ...attributes,
    ...difference("image", imageOf(before), imageOf(after)),
    ...difference("replicas", replicasOf(before), replicasOf(after)),
    ...(after.updateStatus ? difference("updatestate", before.updateStatus?.state, after.updateStatus.state) : {}),
  };
}

function nodeAttributes({ before, after }: Change<"node">): Attributes {
  const attributes = { name: nameOf(after ?? before) };
  if (!before || !after) return attributes;
  return {
    ...attributes,
    ...difference("availability", before.spec.Availability, after.spec.Availability),
    ...difference("role", before.spec.Role, after.spec.Role),
    ...difference("state", before.status.state, after.status.state),
    ...(before.manager && after.manager
      ? {
          ...difference("leader", String(before.manager.leader), String(after.manager.leader)),
          ...difference("reachability", before.manager.reachability, after.manager.reachability),
        }
      : {}),
  };
}

/** `x.old` and `x.new` where they differ; a value that was or is not there has no attribute. */
function difference(name: string, before: string | undefined, after: string | undefined): Attributes {
  if (before === after) return {};
  return {
    ...(before === undefined ? {} : { [`${name}.old`]: before }),
    ...(after === undefined ? {} : { [`${name}.new`]: after }),
  };
}

const nameOf = (node: Node | undefined): string => node?.spec.Name || (node?.description?.Hostname ?? "");
const imageOf = (service: Service): string | undefined => service.spec.TaskTemplate.ContainerSpec?.Image;
const replicasOf = (service: Service): string | undefined => service.spec.Mode?.Replicated?.Replicas?.toString();
