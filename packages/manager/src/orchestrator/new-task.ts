import { newId, type Service, type Task, timestamp } from "@skep/model";
import { taskSpecOf } from "../allocator/index.ts";
import type { CreateStep } from "./step.ts";

/** A task of the service as it is now; what it needs of the networks it has not got yet. */
export function newTask(service: Service, step: CreateStep, now: number): Task {
  const createdAt = timestamp(now);
  const { EndpointSpec: endpointSpec, Name: serviceName = "", Labels: serviceLabels = {} } = service.spec;
  return {
    id: newId(),
    version: 0,
    createdAt,
    updatedAt: createdAt,
    serviceId: service.id,
    slot: step.slot,
    ...(step.nodeId && { nodeId: step.nodeId }),
    spec: taskSpecOf(service.spec),
    specVersion: service.specVersion,
    ...(endpointSpec && { endpointSpec }),
    serviceName,
    serviceLabels,
    cause: step.cause,
    desiredState: step.desired,
    status: { state: "new", timestamp: createdAt, message: "created" },
  };
}
