import {
  type ContainerSpec,
  DomainError,
  expandContainerSpec,
  type Healthcheck,
  type Mount,
  rpcError,
  type TemplateContext,
} from "@skep/model";
import { isImageReference } from "./image-reference.ts";

const invalid = (message: string) => rpcError("InvalidArgument", message);

/** Swarmkit's `validateContainerSpec`: a trial expansion of the templates, then the expanded parts. */
export function validateContainer(container: ContainerSpec): void {
  const expanded = expandOnTrial(container);
  if (!expanded.Image) throw invalid("ContainerSpec: image reference must be provided");
  if (!isImageReference(expanded.Image)) {
    throw invalid(`ContainerSpec: ${JSON.stringify(expanded.Image)} is not a valid repository/tag`);
  }
  validateMounts(expanded.Mounts ?? []);
  if (expanded.Healthcheck) validateHealthcheck(expanded.Healthcheck);
}

const trialContext: TemplateContext = {
  Service: { ID: "serviceid", Name: "servicename", Labels: {} },
  Node: { ID: "nodeid", Hostname: "nodename", Platform: { Architecture: "x86_64", OS: "linux" } },
  Task: { ID: "taskid", Name: "taskname", Slot: "1" },
};

function expandOnTrial(container: ContainerSpec): ContainerSpec {
  try {
    return expandContainerSpec(container, trialContext);
  } catch (error) {
    if (!(error instanceof DomainError)) throw error;
    throw rpcError("InvalidArgument", error.message, { cause: error });
  }
}

function validateMounts(mounts: readonly Mount[]): void {
  const targets = new Set<string>();
  for (const { Target: target = "" } of mounts) {
    if (targets.has(target)) throw invalid(`ContainerSpec: duplicate mount point: ${target}`);
    targets.add(target);
  }
}

const millisecond = 1e6;

/** A duration of 0 inherits the image's. */
function validateHealthcheck(check: Healthcheck): void {
  for (const field of ["Interval", "Timeout", "StartPeriod", "StartInterval"] as const) {
    const duration = check[field] ?? 0;
    if (duration !== 0 && duration < millisecond) {
      throw invalid(`ContainerSpec: ${field} in HealthConfig cannot be less than 1ms`);
    }
  }
  if ((check.Retries ?? 0) < 0) throw invalid("ContainerSpec: Retries in HealthConfig cannot be negative");
}
