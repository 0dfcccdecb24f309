/** `GET /skep/network/status`, on managers. */
export interface SwarmNetworks {
  /** The store's, when it was asked. */
  readonly Revision: number;
  readonly Networks: readonly NetworkStatus[];
}

export interface NetworkStatus {
  readonly ID: string;
  readonly Name: string;
  readonly VNI: number;
  readonly Subnets: readonly string[];
  readonly Ingress: boolean;
  /** The newest that has changed anything on it. */
  readonly Revision: number;
  readonly Nodes: readonly NodeStatus[];
  readonly Services: readonly ServiceStatus[];
}

export interface NodeStatus {
  readonly NodeID: string;
  readonly Hostname: string;
  readonly State: string;
  /** A manager has a session with it. */
  readonly Connected: boolean;
  /** The revision its kernel runs; 0 when it has told of none. */
  readonly Acknowledged: number;
  /** It has all that has changed on this network. */
  readonly UpToDate: boolean;
  /** How long it has been behind what it was sent. */
  readonly LagMs: number;
  readonly Problems: readonly string[];
}

export interface ServiceStatus {
  readonly Name: string;
  /** Empty with dnsrr. */
  readonly VIP: string;
  readonly Ports: readonly string[];
  readonly Targets: readonly { readonly Task: string; readonly Address: string; readonly State: string }[];
}

/** `GET /skep/network/local`, on every node of a swarm. */
export interface LocalNetworks {
  readonly Revision: number;
  readonly Networks: readonly {
    readonly ID: string;
    readonly Name: string;
    readonly VNI: number;
    readonly Subnets: readonly string[];
    readonly Containers: number;
  }[];
  readonly Sandboxes: readonly {
    readonly containerId: string;
    readonly name: string;
    readonly interfaces: readonly { readonly networkId: string; readonly device: string; readonly address: string }[];
  }[];
  readonly Problems: readonly { readonly subject: string; readonly message: string }[];
}
