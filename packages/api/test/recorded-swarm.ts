import type { Cluster, Node, NodeId, Service, ServiceId, Task, TaskId } from "@skep/model";
import type { Store } from "@skep/store";
import { recorded } from "./in-process-api.ts";

// Puts objects of the recorded swarm into a store, under the ids they had, by reading them back from how the API
// showed them.

// biome-ignore lint/suspicious/noExplicitAny: recordings are plain JSON
type Recorded = any;

const unwritten = { version: 0, createdAt: "", updatedAt: "" } as const;

export const nodeOf = (shown: Recorded): Node => ({
  ...unwritten,
  id: shown.ID,
  spec: shown.Spec,
  description: shown.Description,
  status: {
    state: shown.Status.State,
    addr: shown.Status.Addr,
    ...(shown.Status.Message && { message: shown.Status.Message }),
  },
  ...(shown.ManagerStatus && {
    manager: { addr: shown.ManagerStatus.Addr, leader: shown.ManagerStatus.Leader ?? false, reachability: "reachable" },
  }),
});

export const serviceOf = (shown: Recorded): Service => ({
  ...unwritten,
  id: shown.ID,
  spec: shown.Spec,
  specVersion: 1,
  endpoint: {
    ...(Object.keys(shown.Endpoint.Spec).length > 0 && { spec: shown.Endpoint.Spec }),
    ...(shown.Endpoint.Ports && { ports: shown.Endpoint.Ports }),
    ...(shown.Endpoint.VirtualIPs && {
      virtualIps: shown.Endpoint.VirtualIPs.map((vip: Recorded) => ({ networkId: vip.NetworkID, address: vip.Addr })),
    }),
  },
  ...(shown.PreviousSpec && { previousSpec: shown.PreviousSpec }),
  ...(shown.UpdateStatus && {
    updateStatus: {
      state: shown.UpdateStatus.State,
      startedAt: shown.UpdateStatus.StartedAt,
      message: shown.UpdateStatus.Message,
    },
  }),
});

export const taskOf = (shown: Recorded, serviceName = "svc"): Task => ({
  ...unwritten,
  id: shown.ID,
  serviceId: shown.ServiceID,
  slot: shown.Slot ?? 0,
  ...(shown.NodeID && { nodeId: shown.NodeID }),
  spec: { ...shown.Spec, Runtime: "container" },
  specVersion: 1,
  serviceName,
  serviceLabels: {},
  cause: "replica",
  desiredState: shown.DesiredState,
  status: {
    state: shown.Status.State,
    timestamp: shown.Status.Timestamp,
    message: shown.Status.Message,
    ...(shown.Status.Err && { err: shown.Status.Err }),
    ...(shown.Status.ContainerStatus && {
      container: {
        id: shown.Status.ContainerStatus.ContainerID,
        pid: shown.Status.ContainerStatus.PID,
        exitCode: shown.Status.ContainerStatus.ExitCode,
      },
    }),
    ...(shown.Status.PortStatus.Ports && { ports: shown.Status.PortStatus.Ports }),
  },
});

export const clusterOfRecording = (shown: Recorded): Cluster => ({
  ...unwritten,
  id: shown.ID,
  spec: shown.Spec,
  rootCa: { certPem: shown.TLSInfo.TrustRoot, keyPem: "" },
  joinTokens: { worker: shown.JoinTokens.Worker, manager: shown.JoinTokens.Manager },
  defaultAddrPool: shown.DefaultAddrPool ?? [],
  subnetSize: shown.SubnetSize,
  dataPathPort: shown.DataPathPort,
  blockedNodes: {},
});

/** The manager, two workers, the services `s1`, `mini` and `full`, and a task of `full`. */
export async function putRecordedSwarm(store: Store): Promise<void> {
  const shown = recorded("objects");
  const worker = nodeOf(shown.worker);
  const fourth: Node = {
    ...worker,
    id: "h2bgo2aa4z1g57o4qyyjuclbs" as NodeId,
    description: { ...shown.worker.Description, Hostname: "node-4" },
  };
  // So that nothing has version 1, which stands for a stale one in the recordings.
  await store.update((tx) => tx.put("node", nodeOf(shown.down)));
  await store.update((tx) => {
    tx.delete("node", shown.down.ID);
    tx.put("cluster", clusterOfRecording(shown.swarm));
    for (const node of [nodeOf(shown.manager), worker, fourth]) tx.put("node", node);
    for (const service of [shown.simpleDefaults, shown.mini, shown.full]) tx.put("service", serviceOf(service));
    tx.put("task", taskOf(shown.task, "full"));
  });
}

export const ids = {
  s1: "slwvk80g9h393t61isduh0s34" as ServiceId,
  full: "y3zqgr41moq8av2vvt3m69h3s" as ServiceId,
  manager: "unlx4m4cv1lk19qol84jakw9r" as NodeId,
  worker: "68kftuy2etej4j0euu1oylxqu" as NodeId,
  fourth: "h2bgo2aa4z1g57o4qyyjuclbs" as NodeId,
  task: "0zo65bxxdklc9gmbxwfv1kuhm" as TaskId,
};
