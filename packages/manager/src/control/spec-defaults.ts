import type { RestartPolicy, ServiceSpec, UpdateConfig } from "@skep/model";

const second = 1e9;

/** What an absent or empty part of a spec means; durations in nanoseconds (swarmkit's `api/defaults/service.go`). */
export const specDefaults = {
  stopGracePeriod: 10 * second,
  restart: { Condition: "any", Delay: 5 * second, MaxAttempts: 0 } satisfies RestartPolicy,
  update: {
    Parallelism: 1,
    FailureAction: "pause",
    Monitor: 5 * second,
    MaxFailureRatio: 0,
    Order: "stop-first",
  } satisfies UpdateConfig,
} as const;

/** The spec with its defaults written out, as `GET /services/{id}?insertDefaults=true` shows it. */
export function withDefaults(spec: ServiceSpec): ServiceSpec {
  const { ContainerSpec: container, Resources, RestartPolicy, Placement, ...task } = spec.TaskTemplate;
  return {
    ...spec,
    TaskTemplate: {
      ...(container && {
        ContainerSpec: {
          DNSConfig: {},
          ...container,
          StopGracePeriod: container.StopGracePeriod ?? specDefaults.stopGracePeriod,
        },
      }),
      Resources: Resources ?? {},
      RestartPolicy: { ...specDefaults.restart, ...RestartPolicy },
      Placement: Placement ?? {},
      ...task,
    },
    UpdateConfig: updateWithDefaults(spec.UpdateConfig),
    RollbackConfig: updateWithDefaults(spec.RollbackConfig),
  };
}

/** A parallelism of 0 is a choice ("all at once"), so only an absent configuration gets the default of 1. */
const updateWithDefaults = (config: UpdateConfig | undefined): UpdateConfig => ({ ...specDefaults.update, ...config });
