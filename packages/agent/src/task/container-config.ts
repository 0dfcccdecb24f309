import type { ContainerSpec, Labels, PortConfig, Task, TaskSpec } from "@skep/model";
import { taskName } from "@skep/model";
import { type EngineFields, given, portKey } from "./engine-fields.ts";
import { hostConfig } from "./host-config.ts";
import { familiarImage } from "./image-reference.ts";

export const swarmLabel = {
  task: "com.docker.swarm.task",
  taskId: "com.docker.swarm.task.id",
  taskName: "com.docker.swarm.task.name",
  nodeId: "com.docker.swarm.node.id",
  serviceId: "com.docker.swarm.service.id",
  serviceName: "com.docker.swarm.service.name",
} as const;

/**
 * The container of a task, as moby's `cluster/executor/container/container.go` makes it (`swarm-api.md` section 17).
 * `spec` is the task's with its templates expanded. Networks, secrets and configs are not in it: see `TaskHooks`.
 */
export function containerConfig(task: Task, spec: ContainerSpec, logDriver?: TaskSpec["LogDriver"]): EngineFields {
  const ports = hostPorts(task);
  return {
    Image: familiarImage(spec.Image ?? ""),
    Labels: containerLabels(task, spec),
    ...given("Hostname", spec.Hostname),
    ...given("User", spec.User),
    ...given("Env", spec.Env),
    ...given("WorkingDir", spec.Dir),
    ...given("StopSignal", spec.StopSignal),
    ...given("Healthcheck", spec.Healthcheck),
    ...(spec.StopGracePeriod !== undefined && { StopTimeout: stopGraceSeconds(spec) }),
    ...(spec.TTY && { Tty: true }),
    ...(spec.OpenStdin && { OpenStdin: true }),
    ...invocation(spec),
    ...(ports.length > 0 && { ExposedPorts: Object.fromEntries(ports.map((port) => [portKey(port), {}])) }),
    HostConfig: hostConfig(task.spec, spec, ports, task.spec.LogDriver ?? logDriver),
  };
}

/** Seconds between the stop signal and SIGKILL; docker's default is 10. */
export const stopGraceSeconds = (spec: ContainerSpec | undefined): number =>
  spec?.StopGracePeriod === undefined ? 10 : Math.ceil(spec.StopGracePeriod / 1e9);

export const hasHealthcheck = (spec: ContainerSpec | undefined): boolean => {
  const [kind] = spec?.Healthcheck?.Test ?? [];
  return kind !== undefined && kind !== "NONE";
};

const hostPorts = (task: Task): readonly PortConfig[] =>
  (task.endpointSpec?.Ports ?? []).filter(({ PublishMode }) => PublishMode === "host");

/** The swarm's own labels win over the operator's. Labels of the service are not put on containers. */
const containerLabels = (task: Task, spec: ContainerSpec): Labels => ({
  ...spec.Labels,
  [swarmLabel.task]: "",
  [swarmLabel.taskId]: task.id,
  [swarmLabel.taskName]: taskName(task),
  [swarmLabel.nodeId]: task.nodeId ?? "",
  [swarmLabel.serviceId]: task.serviceId,
  [swarmLabel.serviceName]: task.serviceName,
});

/** `Command` replaces the image's entry point; `Args` alone are arguments to it. */
function invocation({ Command = [], Args = [] }: ContainerSpec): EngineFields {
  return {
    ...(Command.length > 0 && { Entrypoint: Command }),
    ...(Args.length > 0 && { Cmd: Args }),
  };
}
