import { parseConstraints, rpcError, type ServiceSpec, type TaskSpec, type UpdateConfig } from "@skep/model";
import { validateDnsName } from "./names.ts";
import { validateContainer } from "./validate-container.ts";
import { validateEndpoint } from "./validate-endpoint.ts";
import { validateReferences } from "./validate-references.ts";
import { validateResources } from "./validate-resources.ts";

export const invalidArgument = (message: string) => rpcError("InvalidArgument", message);

/** Swarmkit's `validateServiceSpec`, in its order and words; `spec` is a stored one. */
export function validateService(spec: ServiceSpec): void {
  validateDnsName(spec.Name);
  validateTask(spec.TaskTemplate);
  validateMode(spec);
  validateUpdate(spec.UpdateConfig);
  validateUpdate(spec.RollbackConfig);
  validateEndpoint(spec.EndpointSpec);
  validateNetworks(spec);
}

function validateTask(task: TaskSpec): void {
  validateResources(task.Resources?.Limits);
  validateResources(task.Resources?.Reservations);
  if ((task.RestartPolicy?.Delay ?? 0) < 0) throw invalidArgument("TaskSpec: restart-delay cannot be negative");
  if ((task.RestartPolicy?.Window ?? 0) < 0) throw invalidArgument("TaskSpec: restart-window cannot be negative");
  validateConstraints(task.Placement?.Constraints ?? []);
  validateReferences("secret", task.ContainerSpec?.Secrets ?? []);
  validateReferences("config", task.ContainerSpec?.Configs ?? []);
  if (task.ContainerSpec) validateContainer(task.ContainerSpec);
}

/** A malformed constraint has no status of its own in swarmkit, so Docker answers 500. */
function validateConstraints(constraints: readonly string[]): void {
  try {
    parseConstraints(constraints);
  } catch (error) {
    throw rpcError("Unknown", (error as Error).message, { cause: error });
  }
}

/** Not Docker's: more would exhaust the manager's memory before the first task ran. */
const mostReplicas = 1_000_000;

function validateMode({ Mode: mode, UpdateConfig: update }: ServiceSpec): void {
  if ((mode?.Replicated?.Replicas ?? 0) < 0) throw invalidArgument("Number of replicas must be non-negative");
  if ((mode?.Replicated?.Replicas ?? 0) > mostReplicas) {
    throw invalidArgument(`Number of replicas must not be more than ${mostReplicas}`);
  }
  if ((mode?.ReplicatedJob?.MaxConcurrent ?? 0) < 0) {
    throw invalidArgument("Maximum concurrent jobs must not be negative");
  }
  if ((mode?.ReplicatedJob?.TotalCompletions ?? 0) < 0) {
    throw invalidArgument("Total completed jobs must not be negative");
  }
  if ((mode?.ReplicatedJob || mode?.GlobalJob) && update) throw invalidArgument("Jobs may not have an update config");
}

function validateUpdate(config: UpdateConfig = {}): void {
  const { Delay = 0, Monitor = 0, MaxFailureRatio = 0 } = config;
  if (Delay < 0) throw invalidArgument("TaskSpec: update-delay cannot be negative");
  if (Monitor < 0) throw invalidArgument("TaskSpec: update-monitor cannot be negative");
  if (!(MaxFailureRatio >= 0 && MaxFailureRatio <= 1)) {
    throw invalidArgument("TaskSpec: update-maxfailureratio cannot be less than 0 or bigger than 1");
  }
}

function validateNetworks(spec: ServiceSpec): void {
  const networks = spec.TaskTemplate.Networks ?? spec.Networks ?? [];
  if (networks.some((network) => network.Target === "ingress")) {
    throw invalidArgument('Service cannot be explicitly attached to the ingress network "ingress"');
  }
}
