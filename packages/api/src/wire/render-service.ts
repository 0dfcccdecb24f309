import { type ServiceStatus, withDefaults } from "@skep/manager";
import type { Service, UpdateStatus } from "@skep/model";
import { renderMeta } from "./render-meta.ts";
import { parseServiceSpec } from "./service-spec.ts";

/** A service as `GET /services` shows it; `withDefaults` writes the defaults of its spec out. */
export function renderService(
  service: Service,
  options: { readonly insertDefaults?: boolean; readonly status?: ServiceStatus } = {},
): unknown {
  const { spec, previousSpec, updateStatus, endpoint } = service;
  return {
    ID: service.id,
    ...renderMeta(service),
    Spec: options.insertDefaults ? parseServiceSpec(withDefaults(spec)) : spec, // parsing puts the fields in order
    ...(previousSpec && { PreviousSpec: previousSpec }),
    Endpoint: {
      Spec: endpoint.spec ?? {},
      ...(endpoint.ports?.length && { Ports: endpoint.ports }),
      ...(endpoint.virtualIps?.length && {
        VirtualIPs: endpoint.virtualIps.map(({ networkId, address }) => ({
          NetworkID: networkId,
          ...(address && { Addr: address }),
        })),
      }),
    },
    ...(updateStatus && { UpdateStatus: renderUpdateStatus(updateStatus) }),
    ...(options.status && { ServiceStatus: renderServiceStatus(options.status) }),
  };
}

const renderUpdateStatus = ({ state, startedAt, completedAt, message }: UpdateStatus) => ({
  State: state,
  ...(startedAt && { StartedAt: startedAt }),
  ...(completedAt && { CompletedAt: completedAt }),
  ...(message && { Message: message }),
});

const renderServiceStatus = ({ runningTasks, desiredTasks, completedTasks }: ServiceStatus) => ({
  RunningTasks: runningTasks,
  DesiredTasks: desiredTasks,
  CompletedTasks: completedTasks,
});
