import type { ServiceSpec } from "@skep/model";
import { expect, test } from "vitest";
import { goFloat } from "./validate-resources.ts";
import { validateService } from "./validate-service.ts";

/** A stored spec; `container` and `task` are laid over its parts. */
const web = ({ container = {}, task = {}, ...spec }: Readonly<Record<string, object>> = {}): ServiceSpec => ({
  Name: "web",
  TaskTemplate: { ContainerSpec: { Image: "nginx", ...container }, ...task },
  Mode: { Replicated: { Replicas: 1 } },
  ...spec,
});

const secret = (name: string, target?: string) => ({
  SecretID: "id",
  SecretName: name,
  ...(target !== undefined && { File: { Name: target } }),
});
const config = (name: string, target: string) => ({ ConfigID: "id", ConfigName: name, File: { Name: target } });
const port = (fields: object) => ({ Protocol: "tcp", TargetPort: 80, PublishMode: "host", ...fields });

// Texts as swarm-api.md section 5.4.
test.for([
  [{ task: { Resources: { Reservations: { MemoryBytes: -1 } } } }, "invalid memory value -1: Must be at least 4MiB"],
  [{ task: { RestartPolicy: { Window: -1 } } }, "TaskSpec: restart-window cannot be negative"],
  [{ task: { Placement: { Constraints: ["a=="] } } }, "key 'a' is invalid"],
  [{ container: { Secrets: [{ SecretName: "a" }] } }, "malformed secret reference"],
  [{ container: { Secrets: [secret("a")] } }, "malformed secret reference, no target provided"],
  [{ container: { Secrets: [secret("a", "")] } }, "malformed file secret reference, invalid target file name provided"],
  [
    { container: { Secrets: [secret("a", "f"), secret("b", "f")] } },
    "secret references 'a' and 'b' have a conflicting target: 'f'",
  ],
  [
    { container: { Configs: [config("a", "/f"), config("b", "/f")] } },
    "config references 'a' and 'b' have a conflicting target: '/f'",
  ],
  [
    { container: { Healthcheck: { StartPeriod: 1 } } },
    "ContainerSpec: StartPeriod in HealthConfig cannot be less than 1ms",
  ],
  [{ container: { Healthcheck: { Retries: -1 } } }, "ContainerSpec: Retries in HealthConfig cannot be negative"],
  [{ UpdateConfig: { Delay: -1 } }, "TaskSpec: update-delay cannot be negative"],
  [{ UpdateConfig: { Monitor: -1 } }, "TaskSpec: update-monitor cannot be negative"],
  [
    { RollbackConfig: { MaxFailureRatio: -0.1 } },
    "TaskSpec: update-maxfailureratio cannot be less than 0 or bigger than 1",
  ],
  [
    { EndpointSpec: { Ports: [port({ PublishedPort: 70000 })] } },
    "EndpointSpec: port 70000 is not between 0 and 65535",
  ],
  [{ Mode: { Replicated: { Replicas: 1e9 } } }, "Number of replicas must not be more than 1000000"],
] as const)("refuses %j", ([fields, message]) => {
  expect(() => validateService(web(fields))).toThrow(message);
});

test.for([
  { container: { Configs: [{ ConfigID: "id", ConfigName: "c", Runtime: {} }] } },
  { container: { Healthcheck: { Interval: 0, Timeout: 1e6 } } },
  { container: { Env: ["A={{.Node.Hostname}}"], Hostname: "{{.Task.Slot}}" } },
  { task: { Placement: { Constraints: ["node.foo==bar"] } } },
  {
    EndpointSpec: {
      Ports: [
        port({}),
        port({ TargetPort: 81 }),
        port({ PublishedPort: 1 }),
        port({ PublishedPort: 1, Protocol: "udp" }),
      ],
    },
  },
])("accepts %j", (fields) => {
  expect(() => validateService(web(fields as never))).not.toThrow();
});

test("prints small numbers as Go does", () => {
  expect([1e-6, 0.0005, 1e-9, 0.00005, -1e-9, 0].map(goFloat)).toEqual([
    "1e-06",
    "0.0005",
    "1e-09",
    "5e-05",
    "-1e-09",
    "0",
  ]);
});
