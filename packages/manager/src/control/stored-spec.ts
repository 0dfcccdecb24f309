import {
  type ContainerSpec,
  DomainError,
  type EndpointSpec,
  type Mount,
  type PortConfig,
  type RestartPolicy,
  type ServiceMode,
  type ServiceSpec,
  type TaskSpec,
  type UpdateConfig,
} from "@skep/model";

// The engine's conversion of a service spec to the cluster's own form, and back (moby's `cluster/convert/service.go`):
// unknown words are refused, and the few fields it cannot leave open get their values. Everything else stays as sent.

/** The spec as it is kept, from a spec as it was sent. Throws what `swarm-api.md` 5.4 lists before the rpc errors. */
export function storedSpec(spec: ServiceSpec): ServiceSpec {
  const task = storedTask(spec.TaskTemplate);
  const { UpdateConfig: update, RollbackConfig: rollback, EndpointSpec: endpoint } = spec;
  return {
    ...(spec.Name && { Name: spec.Name }),
    Labels: spec.Labels ?? {},
    TaskTemplate: task,
    Mode: storedMode(spec.Mode),
    ...(update && { UpdateConfig: storedUpdate(update) }),
    ...(rollback && { RollbackConfig: storedUpdate(rollback) }),
    ...(spec.Networks && { Networks: spec.Networks }),
    ...(endpoint && { EndpointSpec: storedEndpoint(endpoint) }),
  };
}

function storedTask(task: TaskSpec): TaskSpec {
  const runtime = task.Runtime || "container";
  if (runtime !== "container" && runtime !== "plugin") throw invalid("unsupported runtime");
  if (runtime === "container" && !task.ContainerSpec) throw invalid("mismatched Runtime and *Spec fields");
  const { ContainerSpec: container, RestartPolicy: restart } = task;
  return {
    ...task,
    ...(container && { ContainerSpec: storedContainer(container) }),
    ...(restart && { RestartPolicy: storedRestart(restart) }),
    ForceUpdate: task.ForceUpdate ?? 0,
    Runtime: runtime,
  };
}

const storedContainer = (container: ContainerSpec): ContainerSpec => ({
  ...container,
  ...(container.Mounts && { Mounts: container.Mounts.map(storedMount) }),
  Isolation: container.Isolation?.toLowerCase() || "default",
});

const mountTypes = ["bind", "volume", "tmpfs", "npipe", "cluster"];

function storedMount(mount: Mount): Mount {
  if (mount.Type === undefined) return { Type: "bind", ...mount };
  const type = mount.Type.toLowerCase();
  if (!mountTypes.includes(type)) throw invalid(`invalid MountType: ${JSON.stringify(mount.Type)}`);
  return { ...mount, Type: type };
}

function storedRestart(policy: RestartPolicy): RestartPolicy {
  const condition: string = policy.Condition || "any";
  if (condition !== "any" && condition !== "none" && condition !== "on-failure") {
    throw invalid(`invalid RestartCondition: ${JSON.stringify(condition)}`);
  }
  const { Condition: _, Delay, MaxAttempts, Window } = policy;
  return {
    Condition: condition,
    ...(Delay !== undefined && { Delay }),
    MaxAttempts: MaxAttempts ?? 0,
    ...(Window !== undefined && { Window }),
  };
}

function storedUpdate(config: UpdateConfig): UpdateConfig {
  const action: string = config.FailureAction || "pause";
  if (action !== "pause" && action !== "continue" && action !== "rollback") {
    throw invalid(`unrecognized update failure action ${action}`);
  }
  const order: string = config.Order || "stop-first";
  if (order !== "stop-first" && order !== "start-first") throw invalid(`unrecognized update order ${order}`);
  return {
    Parallelism: config.Parallelism ?? 0,
    ...(config.Delay && { Delay: config.Delay }),
    FailureAction: action,
    ...(config.Monitor !== undefined && { Monitor: config.Monitor }),
    MaxFailureRatio: config.MaxFailureRatio ?? 0,
    Order: order,
  };
}

function storedEndpoint(endpoint: EndpointSpec): EndpointSpec {
  const mode = endpoint.Mode?.toLowerCase() || "vip";
  if (mode !== "vip" && mode !== "dnsrr") throw invalid(`invalid resolution mode: ${JSON.stringify(endpoint.Mode)}`);
  return { Mode: mode, ...(endpoint.Ports && { Ports: endpoint.Ports.map(storedPort) }) };
}

/** An unknown protocol or publish mode is not refused: it becomes `tcp` or `ingress`, as in Docker. */
function storedPort(port: PortConfig): PortConfig {
  const protocol = port.Protocol?.toLowerCase();
  return {
    ...(port.Name && { Name: port.Name }),
    Protocol: protocol === "udp" || protocol === "sctp" ? protocol : "tcp",
    ...(port.TargetPort && { TargetPort: port.TargetPort }),
    ...(port.PublishedPort && { PublishedPort: port.PublishedPort }),
    PublishMode: port.PublishMode?.toLowerCase() === "host" ? "host" : "ingress",
  };
}

function storedMode(mode: ServiceMode = {}): ServiceMode {
  const { Replicated, Global, ReplicatedJob, GlobalJob } = mode;
  if ([Replicated, Global, ReplicatedJob, GlobalJob].filter(Boolean).length > 1) {
    throw invalid("must specify only one service mode");
  }
  if (Global) return { Global: {} };
  if (GlobalJob) return { GlobalJob: {} };
  if (ReplicatedJob) {
    const concurrent = ReplicatedJob.MaxConcurrent ?? 1;
    return {
      ReplicatedJob: { MaxConcurrent: concurrent, TotalCompletions: ReplicatedJob.TotalCompletions ?? concurrent },
    };
  }
  return { Replicated: { Replicas: Replicated?.Replicas ?? 1 } };
}

const invalid = (message: string) => new DomainError("invalid-parameter", message);
