import {
  type AttachRequest,
  bare,
  type Clock,
  DomainError,
  isAttachment,
  isPredefined,
  type Network,
  type NetworkAttachment,
  type NodeId,
  newId,
  rpcError,
  type ServiceId,
  systemClock,
  type Task,
  type TaskId,
  timestamp,
} from "@skep/model";
import type { Reader, Store, Transaction } from "@skep/store";
import { claimAddress, claimWanted, Ipam, releaseAddresses } from "../allocator/index.ts";
import { lookUp } from "./look-up.ts";

/**
 * Puts a container that its operator started on a network of the swarm: a task stands for it, which nobody runs or
 * replaces. Asking again for the same container and network answers with the task there is.
 */
export async function attachContainer(
  store: Store,
  nodeId: NodeId,
  request: AttachRequest,
  { ipam = new Ipam(), clock = systemClock }: { readonly ipam?: Ipam; readonly clock?: Clock } = {},
): Promise<Task> {
  return store.update((tx) => {
    const network = attachable(tx, request.network);
    if (!tx.get("node", nodeId)) throw rpcError("NotFound", `node ${nodeId} not found`);
    const known = attachmentOf(tx, nodeId, request.containerId, network);
    if (known && isWanted(known, request.address)) return known;
    if (known) endAttachment(tx, known);
    const task = attachmentTask(tx, nodeId, request, network, { ipam, now: clock.now() });
    tx.put("task", task);
    return tx.get("task", task.id) ?? task;
  });
}

function attachable(tx: Reader, text: string): Network {
  const network = lookUp(tx, "network", text);
  if (network.spec.Attachable && !isPredefined(network)) return network;
  throw rpcError("PermissionDenied", `network ${network.spec.Name} not manually attachable`);
}

const attachmentOf = (tx: Reader, nodeId: NodeId, containerId: string, { id }: Network): Task | undefined =>
  tx
    .find("task", "node", nodeId)
    .find(
      (task) =>
        isAttachment(task) &&
        task.spec.NetworkAttachmentSpec?.ContainerID === containerId &&
        task.networks?.some(({ networkId }) => networkId === id),
    );

const isWanted = ({ networks }: Task, wanted: string | undefined): boolean =>
  !wanted || networks?.some(({ address }) => address !== undefined && bare(address) === wanted) === true;

interface Means {
  readonly ipam: Ipam;
  readonly now: number;
}

function attachmentTask(tx: Transaction, nodeId: NodeId, request: AttachRequest, network: Network, means: Means): Task {
  const id = newId<"task">();
  const now = timestamp(means.now);
  const attachment: NetworkAttachment = {
    networkId: network.id,
    address: addressFor(tx, id, request, network, means.ipam),
    aliases: request.aliases,
  };
  return {
    id,
    version: 0,
    createdAt: now,
    updatedAt: now,
    serviceId: "" as ServiceId,
    slot: 0,
    nodeId,
    spec: {
      NetworkAttachmentSpec: { ContainerID: request.containerId },
      Networks: [{ Target: network.id }],
      ForceUpdate: 0,
      Runtime: "attachment",
    },
    specVersion: 0,
    ...endpointSpecOf(request),
    networks: [attachment],
    serviceName: request.containerName,
    serviceLabels: {},
    cause: "replica",
    desiredState: "running",
    status: { state: "running", timestamp: now, message: "started", runningAt: now },
  };
}

function addressFor(tx: Transaction, id: TaskId, { address }: AttachRequest, network: Network, ipam: Ipam): string {
  const owner = { kind: "task", id } as const;
  if (address) return claimWanted(tx, network, owner, address);
  const claim = claimAddress(tx, network, owner, ipam);
  if ("problem" in claim) throw new DomainError("unavailable", claim.problem);
  return claim.address;
}

/** Ports that `docker run -p` publishes on the node. */
const endpointSpecOf = ({ hostPorts }: AttachRequest): Pick<Task, "endpointSpec"> =>
  hostPorts.length === 0
    ? {}
    : {
        endpointSpec: {
          Ports: hostPorts.map(({ protocol, target, published }) => ({
            Protocol: protocol,
            TargetPort: target,
            ...(published && { PublishedPort: published }),
            PublishMode: "host",
          })),
        },
      };

/** The container has left the network, or is gone. A task that is not there, or no attachment of this node, is no matter. */
export async function detachContainer(store: Store, nodeId: NodeId, taskId: TaskId): Promise<void> {
  await store.update((tx) => {
    const task = tx.get("task", taskId);
    if (task && isAttachment(task) && task.nodeId === nodeId) endAttachment(tx, task);
  });
}

/** Nothing is left to tell of an attachment that is over. */
export function endAttachment(tx: Transaction, task: Task): void {
  releaseAddresses(tx, task.id);
  tx.delete("task", task.id);
}
