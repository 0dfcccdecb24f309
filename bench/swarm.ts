import { setTimeout as sleep } from "node:timers/promises";
import { requestOver } from "@skep/machine";

/** A service as benchmarks want one: `command` in `web:local` or another image, on `node` or anywhere. */
export interface Wanted {
  readonly name: string;
  readonly replicas: number;
  readonly image?: string;
  /** Absent for the image's own. */
  readonly command?: readonly string[];
  readonly node?: string;
  /** The id of its network. */
  readonly network?: string;
  /** Published port to the container's. */
  readonly ports?: Readonly<Record<number, number>>;
}

interface Task {
  readonly Status: { readonly State: string; readonly ContainerStatus?: { readonly ContainerID: string } };
  readonly NetworksAttachments?: readonly {
    readonly Network: { readonly ID: string };
    readonly Addresses: readonly string[];
  }[];
}

/** A manager's API, by its socket. */
export class Swarm {
  readonly #socket: string;

  constructor(socket: string) {
    this.#socket = socket;
  }

  async call<T>(method: string, path: string, body?: unknown): Promise<T> {
    const headers = { "content-type": "application/json" };
    const options = body === undefined ? { method } : { method, headers, body: JSON.stringify(body) };
    const answer = await requestOver(this.#socket, path, options);
    if (answer.status >= 400) throw new Error(`${method} ${path}: ${answer.body}`);
    return (answer.body.trim() === "" ? undefined : JSON.parse(answer.body)) as T;
  }

  async createNetwork(name: string): Promise<string> {
    const wanted = { Name: name, Driver: "overlay", IPAM: { Config: [{ Subnet: "10.90.0.0/16" }] } };
    return (await this.call<{ Id: string }>("POST", "/networks/create", wanted)).Id;
  }

  async create(wanted: Wanted): Promise<void> {
    await this.call("POST", "/services/create", specOf(wanted));
  }

  /** Creates a service; resolves when all its tasks run. */
  async start(wanted: Wanted): Promise<void> {
    await this.create(wanted);
    await this.untilRunning(wanted.name, wanted.replicas);
  }

  async scale(wanted: Wanted): Promise<void> {
    const { Version } = await this.call<{ Version: { Index: number } }>("GET", `/services/${wanted.name}`);
    await this.call("POST", `/services/${wanted.name}/update?version=${Version.Index}`, specOf(wanted));
  }

  /** Exactly so many tasks run, and all others have ended. */
  async untilRunning(service: string, count: number): Promise<readonly Task[]> {
    for (;;) {
      const live = (await this.#tasks(service)).filter(({ Status }) => liveStates.has(Status.State));
      if (live.length === count && live.every(({ Status }) => Status.State === "running")) return live;
      await sleep(10);
    }
  }

  /** Removes a service; resolves when the last of its tasks has ended. */
  async remove(service: string): Promise<void> {
    await this.scale({ name: service, replicas: 0, command: ["true"] });
    await this.untilRunning(service, 0);
    await this.call("DELETE", `/services/${service}`);
  }

  /** Container and address of a service's one task. */
  async taskOf(service: string, network?: string): Promise<{ readonly container: string; readonly address: string }> {
    const [task] = await this.untilRunning(service, 1);
    const attachment = task?.NetworksAttachments?.find(({ Network }) => Network.ID === network);
    return { container: task?.Status.ContainerStatus?.ContainerID ?? "", address: bare(attachment?.Addresses[0]) };
  }

  async vipOf(service: string, network: string): Promise<string> {
    type View = { readonly Endpoint: { readonly VirtualIPs: readonly { NetworkID: string; Addr: string }[] } };
    const { Endpoint } = await this.call<View>("GET", `/services/${service}`);
    return bare(Endpoint.VirtualIPs.find(({ NetworkID }) => NetworkID === network)?.Addr);
  }

  #tasks(service: string): Promise<readonly Task[]> {
    return this.call("GET", `/tasks?filters=${encodeURIComponent(JSON.stringify({ service: [service] }))}`);
  }
}

const liveStates = new Set(
  ["new", "pending", "assigned", "accepted", "preparing", "ready", "starting", "running"], // what may still come or is
);

const bare = (address = ""): string => address.replace(/\/.*/, "");

function specOf({ name, replicas, image = "web:local", command, node, network, ports = {} }: Wanted) {
  const published = Object.entries(ports).map(([outer, inner]) => ({
    ...{ Protocol: "tcp", PublishMode: "ingress", PublishedPort: Number(outer), TargetPort: inner },
  }));
  return {
    Name: name,
    TaskTemplate: {
      ContainerSpec: { Image: image, ...(command && { Args: command }), StopGracePeriod: 1 },
      ...(node !== undefined && { Placement: { Constraints: [`node.hostname==${node}`] } }),
      ...(network !== undefined && { Networks: [{ Target: network }] }),
    },
    Mode: { Replicated: { Replicas: replicas } },
    ...(published.length > 0 && { EndpointSpec: { Ports: published } }),
  };
}
