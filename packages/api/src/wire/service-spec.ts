import type {
  EndpointSpec,
  NetworkAttachmentConfig,
  Placement,
  PortConfig,
  ResourceRequirements,
  Resources,
  RestartPolicy,
  ServiceMode,
  ServiceSpec,
  TaskSpec,
  UpdateConfig,
} from "@skep/model";
import { containerSpec } from "./container-spec.ts";
import {
  type Decoder,
  decode,
  float,
  integer,
  integerKept,
  labels,
  labelsKept,
  struct,
  structs,
  text,
  texts,
  word,
} from "./schema.ts";

/** A service spec from a request body, in the form in which the engine would print it again. */
export const parseServiceSpec = (body: unknown): ServiceSpec => decode(serviceSpec, body, "swarm.ServiceSpec");

const resources = struct<Resources>("Resources", {
  NanoCPUs: integer(),
  MemoryBytes: integer(),
  Pids: integer(),
  GenericResources: structs(
    struct("GenericResource", {
      NamedResourceSpec: struct("NamedGenericResource", { Kind: text, Value: text }),
      DiscreteResourceSpec: struct("DiscreteGenericResource", { Kind: text, Value: integer() }),
    }),
  ),
});

const placement = struct<Placement>("Placement", {
  Constraints: texts,
  Preferences: structs(
    struct("PlacementPreference", { Spread: struct("SpreadOver", { SpreadDescriptor: text as Decoder<string> }) }),
  ),
  MaxReplicas: integer("uint64"),
  Platforms: structs(struct("Platform", { Architecture: text, OS: text })),
});

const networks = structs(
  struct<NetworkAttachmentConfig>("NetworkAttachmentConfig", { Target: text, Aliases: texts, DriverOpts: labels }),
);

const taskSpec = struct<TaskSpec>("TaskSpec", {
  ContainerSpec: containerSpec,
  NetworkAttachmentSpec: struct("NetworkAttachmentSpec", { ContainerID: text }),
  Resources: struct<ResourceRequirements>("ResourceRequirements", { Limits: resources, Reservations: resources }),
  RestartPolicy: struct<RestartPolicy>("RestartPolicy", {
    Condition: word(),
    Delay: integerKept(),
    MaxAttempts: integerKept("uint64"),
    Window: integerKept(),
  }),
  Placement: placement,
  Networks: networks,
  LogDriver: struct<NonNullable<TaskSpec["LogDriver"]>>("Driver", { Name: text, Options: labels }),
  ForceUpdate: (value, place) => integerKept("uint64")(value, place) ?? 0,
  Runtime: word(),
});

const mode = struct<ServiceMode>("ServiceMode", {
  Replicated: struct<NonNullable<ServiceMode["Replicated"]>>("ReplicatedService", { Replicas: integerKept("uint64") }),
  Global: struct("GlobalService", {}),
  ReplicatedJob: struct<NonNullable<ServiceMode["ReplicatedJob"]>>("ReplicatedJob", {
    MaxConcurrent: integerKept("uint64"),
    TotalCompletions: integerKept("uint64"),
  }),
  GlobalJob: struct("GlobalJob", {}),
});

const updateConfig = struct<UpdateConfig>("UpdateConfig", {
  Parallelism: integerKept("uint64"),
  Delay: integer(),
  FailureAction: word(),
  Monitor: integer(),
  MaxFailureRatio: float,
  Order: word(),
});

const port = struct<PortConfig>("PortConfig", {
  Name: text,
  Protocol: word(),
  TargetPort: integer("uint32"),
  PublishedPort: integer("uint32"),
  PublishMode: word(),
});

const serviceSpec = struct<ServiceSpec>("ServiceSpec", {
  Name: text,
  Labels: labelsKept,
  TaskTemplate: (value, place) => taskSpec(value, place) ?? {},
  Mode: mode,
  UpdateConfig: updateConfig,
  RollbackConfig: updateConfig,
  Networks: networks,
  EndpointSpec: struct<EndpointSpec>("EndpointSpec", { Mode: word(), Ports: structs(port) }),
});
