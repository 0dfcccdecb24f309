import { DomainError } from "./errors.ts";
import type { Labels } from "./meta.ts";
import type { NodeDescription } from "./node.ts";
import type { ContainerSpec, Mount } from "./service-spec.ts";
import { type Task, taskName } from "./task.ts";
import { expandTemplate, type TemplateContext } from "./template.ts";

/** What a task's templates may name on its node. */
export const templateContext = (
  task: Pick<Task, "id" | "serviceId" | "serviceName" | "serviceLabels" | "slot" | "nodeId">,
  node: Pick<NodeDescription, "Hostname" | "Platform">,
): TemplateContext => ({
  Service: { ID: task.serviceId, Name: task.serviceName, Labels: task.serviceLabels },
  Node: {
    ID: task.nodeId ?? "",
    Hostname: node.Hostname,
    Platform: { Architecture: node.Platform.Architecture, OS: node.Platform.OS },
  },
  Task: { ID: task.id, Name: taskName(task), Slot: task.slot ? String(task.slot) : (task.nodeId ?? "") },
});

/**
 * Expands the parts of a spec that may hold templates, and nothing else, as swarmkit's `template/expand.go`.
 * Throws a DomainError in Docker's words: `expanding env failed: expanding env "A={{.Nope}}": template: ...`.
 */
export function expandContainerSpec(spec: ContainerSpec, context: TemplateContext): ContainerSpec {
  const { Env, Mounts, Hostname } = spec;
  return {
    ...spec,
    ...(Env && { Env: within("expanding env failed", () => Env.map((entry) => expandEnv(entry, context))) }),
    ...(Mounts && {
      Mounts: within("expanding mounts failed", () => Mounts.map((mount) => expandMount(mount, context))),
    }),
    ...(Hostname !== undefined && {
      Hostname: within("expanding hostname failed", () => expandTemplate(Hostname, context)),
    }),
  };
}

function within<T>(what: string, expand: () => T): T {
  try {
    return expand();
  } catch (error) {
    if (!(error instanceof DomainError)) throw error;
    throw new DomainError(error.code, `${what}: ${error.message}`);
  }
}

function expandEnv(entry: string, context: TemplateContext): string {
  const equals = entry.indexOf("=");
  if (equals < 0) return entry;
  const value = within(`expanding env ${quote(entry)}`, () => expandTemplate(entry.slice(equals + 1), context));
  return `${entry.slice(0, equals)}=${value}`;
}

function expandMount(mount: Mount, context: TemplateContext): Mount {
  const { Source, Target, VolumeOptions: options } = mount;
  const named = (what: string, text: string) =>
    within(`expanding mount ${what} ${quote(text)}`, () => expandTemplate(text, context));
  return {
    ...mount,
    ...(Source !== undefined && { Source: named("source", Source) }),
    ...(Target !== undefined && { Target: named("target", Target) }),
    ...(options && { VolumeOptions: expandVolumeOptions(options, context) }),
  };
}

function expandVolumeOptions(options: NonNullable<Mount["VolumeOptions"]>, context: TemplateContext) {
  const { Labels, DriverConfig: driver } = options;
  const driverOptions = driver?.Options;
  return {
    ...options,
    ...(Labels && { Labels: within("expanding volume labels", () => expandMap(Labels, context)) }),
    ...(driverOptions && {
      DriverConfig: {
        ...driver,
        Options: within("expanding volume driver config", () => expandMap(driverOptions, context)),
      },
    }),
  };
}

function expandMap(map: Labels, context: TemplateContext): Labels {
  const entries = Object.entries(map).map(([key, value]): [string, string] => [
    key,
    within(`expanding map entry ${quote(key)}=${quote(value)}`, () => expandTemplate(value, context)),
  ]);
  return Object.fromEntries(entries);
}

const quote = (text: string) => JSON.stringify(text);
