import { newId, type Service, type Task, timestamp } from "@skep/model";
import { allocate } from "./allocate.ts";
import type { CreateStep } from "./step.ts";

/** A task of the service as it is now, on its way to the scheduler. */
export function newTask(service: Service, step: CreateStep, now: number): Task {
  const createdAt = timestamp(now);
  const {
    EndpointSpec: endpointSpec,
    TaskTemplate: spec,
    Name: serviceName = "",
    Labels: serviceLabels = {},
  } = service.spec;
  return allocate({
    id: newId(),
    version: 0,
    createdAt,
    updatedAt: createdAt,
    serviceId: service.id,
    slot: step.slot,
    ...(step.nodeId && { nodeId: step.nodeId }),
    spec,
    specVersion: service.specVersion,
    ...(endpointSpec && { endpointSpec }),
    serviceName,
    serviceLabels,
    cause: step.cause,
    desiredState: step.desired,
    status: { state: "new", timestamp: createdAt, message: "created" },
  });
}
