import {
  type Address,
  addressId,
  type Cluster,
  type Network,
  type NetworkId,
  type Node,
  type NodeId,
  networkOption,
  type Service,
  type ServiceId,
  type Task,
  type TaskId,
} from "@skep/model";
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
  serviceId: shown.ServiceID ?? "",
  slot: shown.Slot ?? 0,
  ...(shown.NodeID && { nodeId: shown.NodeID }),
  spec: { Runtime: "container", ...shown.Spec },
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
  ...(shown.NetworksAttachments && {
    networks: shown.NetworksAttachments.map(({ Network: network, Addresses: addresses }: Recorded) => ({
      networkId: network.ID,
      aliases: [],
      ...(addresses && { address: addresses[0] }),
    })),
  }),
});

/** What keeps a task's address from being given out again; `address` with the subnet's length. */
export const addressOf = (taskId: TaskId, networkId: NetworkId, address: string): Address => {
  const [bare = ""] = address.split("/");
  return {
    ...unwritten,
    id: addressId(networkId, bare),
    networkId,
    address: bare,
    owner: { kind: "task", id: taskId },
  };
};

/** Of `GET /networks`. */
export const networkOf = (shown: Recorded): Network => {
  const { [networkOption.vni]: vni, ...options } = shown.Options ?? {};
  return {
    ...unwritten,
    id: shown.Id,
    spec: {
      Name: shown.Name,
      ...(shown.Labels && { Labels: shown.Labels }),
      Driver: shown.Driver,
      Scope: "swarm",
      ...(shown.Attachable && { Attachable: true }),
      ...(shown.Ingress && { Ingress: true }),
      ...(Object.keys(options).length > 0 && { Options: options }),
    },
    vni: Number(vni ?? 0),
    subnets: shown.IPAM.Config.map(({ Subnet, Gateway }: Recorded) => ({ subnet: Subnet, gateway: Gateway })),
  };
};

/** Of a task's `NetworksAttachments`. */
export const networkOfTask = ({ Network: shown }: Recorded): Network => {
  const { Labels, DriverConfiguration, Attachable, Ingress, IPAMOptions } = shown.Spec;
  return {
    ...unwritten,
    id: shown.ID,
    spec: {
      Name: shown.Spec.Name,
      Labels,
      Driver: DriverConfiguration.Name ?? "overlay",
      ...(Attachable && { Attachable }),
      ...(Ingress && { Ingress }),
      ...(IPAMOptions?.Driver?.Name && { IPAM: { Driver: IPAMOptions.Driver.Name } }),
    },
    vni: Number(shown.DriverState.Options?.[networkOption.vni] ?? 0),
    subnets: (shown.IPAMOptions.Configs ?? []).map(({ Subnet, Gateway }: Recorded) => ({
      subnet: Subnet,
      gateway: Gateway,
    })),
  };
};

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
    for (const attachment of shown.task.NetworksAttachments) tx.put("network", networkOfTask(attachment));
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
