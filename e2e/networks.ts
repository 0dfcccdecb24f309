import { bare } from "@skep/model";
import type { Operator, TaskContainer } from "./operator.ts";

/** A network as `GET /networks` answers it, as far as the tests read it. */
export interface NamedNetwork {
  readonly Id: string;
  readonly Name: string;
  readonly Internal: boolean;
  readonly IPAM: { readonly Config: readonly { readonly Subnet: string; readonly Gateway?: string }[] };
  readonly Options: Readonly<Record<string, string>>;
}

/** The addresses of a task. */
export interface AddressedTask {
  readonly ID: string;
  readonly NetworksAttachments?: readonly {
    readonly Network: { readonly ID: string; readonly Spec: { readonly Name: string } };
    readonly Addresses: readonly string[];
  }[];
}

/** `docker stack deploy` of a file that is given on standard input. */
export async function deployStack(swarm: Operator, name: string, compose: string): Promise<string> {
  const options = { input: compose, ...(swarm.cli !== undefined && { cli: swarm.cli }) };
  const command = ["stack", "deploy", "--resolve-image", "never", "-c", "-", name];
  const { code, stdout, stderr } = await swarm.cluster.dockerWith(options, swarm.manager, ...command);
  if (code !== 0) throw new Error(`docker stack deploy ${name}: exit ${code}: ${stderr}${stdout}`);
  return stdout;
}

/** The virtual IP of a service on a network. */
export async function virtualIp(swarm: Operator, service: string, network: string): Promise<string> {
  const { Id } = await swarm.api<NamedNetwork>(`/v1.41/networks/${network}`);
  const { Endpoint } = await swarm.inspect(service);
  const found = Endpoint.VirtualIPs.find(({ NetworkID }: { NetworkID: string }) => NetworkID === Id);
  return bare(String(found?.Addr ?? ""));
}

/** The virtual IP of a service on its first network. */
export async function vipOf(swarm: Operator, service: string): Promise<string> {
  const { Endpoint } = await swarm.inspect(service);
  return bare(String(Endpoint.VirtualIPs[0].Addr));
}

/** The addresses of a service's tasks on a network, by the task's id; empty where a task is not on it. */
export async function taskAddresses(swarm: Operator, service: string, network: string): Promise<Map<string, string>> {
  const filters = encodeURIComponent(JSON.stringify({ service: [service] }));
  const tasks = await swarm.api<AddressedTask[]>(`/v1.41/tasks?filters=${filters}`);
  return new Map(
    tasks.map(({ ID, NetworksAttachments = [] }) => {
      const found = NetworksAttachments.find(({ Network }) => Network.Spec.Name === network);
      return [ID, bare(found?.Addresses[0] ?? "")];
    }),
  );
}

export async function addressOn(swarm: Operator, { service, taskId }: TaskContainer, network: string): Promise<string> {
  return (await taskAddresses(swarm, service, network)).get(taskId) ?? "";
}
