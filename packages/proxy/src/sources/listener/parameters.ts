import { isRouteLabel } from "../swarm/route-labels.ts";
import type { Labels, SwarmNode, SwarmService } from "../swarm/swarm-objects.ts";
import type { NodeInfo } from "./node-info.ts";

/** Parameters of a notification, and of `reconfigure`: strings by name. */
export type Parameters = Readonly<Record<string, string>>;

export interface ParameterOptions {
  /** `com.df.notify`: not passed on. */
  readonly notifyLabel: string;
  /** `DF_SERVICE_NAME_PREFIX` */
  readonly namePrefix?: string;
}

const labelPrefix = "com.df.";

/** The labels of a service as `reconfigure` takes them: each `com.df.x` is the parameter `x` (section 3.1). */
export function createParameters(service: SwarmService, options: ParameterOptions, nodeInfo?: NodeInfo): Parameters {
  return {
    ...removeParameters(service, options),
    ...(service.replicas === undefined ? {} : { replicas: String(service.replicas) }),
    ...(nodeInfo ? { nodeInfo: JSON.stringify(nodeInfo) } : {}),
  };
}

/** As for `createParameters`, of a service that is to be removed. */
export function removeParameters(
  service: SwarmService,
  { notifyLabel, namePrefix = "" }: ParameterOptions,
): Parameters {
  const name = namePrefix === "" ? service.name : `${namePrefix}_${service.name}`;
  const [notify] = notifyLabel.split("=");
  const passed = Object.entries(service.labels).filter(([label]) => label !== notify && !isRouteLabel(label));
  return {
    distribute: "true",
    ...parametersOf(Object.fromEntries(passed)),
    serviceName: shortName(name, service.labels),
  };
}

export const nodeCreateParameters = (node: SwarmNode): Parameters => ({
  ...parametersOf(node.engineLabels),
  ...parametersOf(node.labels),
  ...nodeRemoveParameters(node),
  versionIndex: String(node.version),
  state: node.state,
  role: node.role,
  availability: node.availability,
});

export const nodeRemoveParameters = ({ id, hostname, address }: SwarmNode): Parameters => ({ id, hostname, address });

/** URL-encoded, in the order of the names. */
export function toQuery(parameters: Parameters): string {
  const sorted = Object.entries(parameters).sort(([a], [b]) => (a < b ? -1 : 1));
  return new URLSearchParams(sorted).toString();
}

const parametersOf = (labels: Labels): Parameters =>
  Object.fromEntries(
    Object.entries(labels)
      .filter(([label]) => label.startsWith(labelPrefix) && label !== labelPrefix)
      .map(([label, value]) => [label.slice(labelPrefix.length), value]),
  );

/** Without `<stack>_`, when `com.df.shortName` asks for that. */
function shortName(name: string, labels: Labels): string {
  const stack = labels["com.docker.stack.namespace"];
  const isShort = labels["com.df.shortName"]?.toLowerCase() === "true";
  return isShort && stack && name.startsWith(`${stack}_`) ? name.slice(stack.length + 1) : name;
}
