import { readFileSync } from "node:fs";
import {
  expandContainerSpec,
  type NodeId,
  type ServiceId,
  type ServiceSpec,
  type Task,
  type TaskId,
  templateContext,
} from "@skep/model";
import { expect, test } from "vitest";
import { containerConfig, stopGraceSeconds } from "./container-config.ts";
import { webTask } from "./test-tasks.ts";

interface Capture {
  readonly service: { readonly ID: string; readonly Spec: ServiceSpec };
  readonly container: {
    readonly Name: string;
    readonly Config: Readonly<Record<string, unknown>>;
    readonly HostConfig: Readonly<Record<string, unknown>>;
  };
}

/** A service with about every field, and the container that Docker Swarm made of it. */
const capture = JSON.parse(readFileSync(new URL("./captures/full-service.json", import.meta.url), "utf8")) as Capture;

const fullTask: Task = {
  ...webTask(),
  id: "0zo65bxxdklc9gmbxwfv1kuhm" as TaskId,
  serviceId: capture.service.ID as ServiceId,
  serviceName: "full",
  slot: 2,
  nodeId: "68kftuy2etej4j0euu1oylxqu" as NodeId,
  spec: capture.service.Spec.TaskTemplate,
  ...(capture.service.Spec.EndpointSpec && { endpointSpec: capture.service.Spec.EndpointSpec }),
};

function configOf(task: Task) {
  const node = { Hostname: "node-2", Platform: { Architecture: "x86_64", OS: "linux" } };
  const spec = expandContainerSpec(task.spec.ContainerSpec ?? {}, templateContext(task, node));
  return containerConfig(task, spec) as { HostConfig: Readonly<Record<string, unknown>> } & Record<string, unknown>;
}

test("a service with every field makes the container that Docker Swarm makes", () => {
  const { HostConfig, StopTimeout, ...config } = configOf(fullTask);
  expect(capture.container.Config).toMatchObject(config);
  expect(capture.container.HostConfig).toMatchObject(HostConfig);
  expect(StopTimeout).toBe(3);
});

test("nothing that Docker Swarm's container has of the service is missing", () => {
  const { HostConfig, ...config } = configOf(fullTask);
  const engineDefaults = { Domainname: "", StdinOnce: false, AttachStdin: false, Tty: false, OpenStdin: false };
  const set = (fields: Readonly<Record<string, unknown>>) =>
    Object.entries(fields)
      .filter(([name, value]) => value !== null && value !== false && value !== "" && !(name in engineDefaults))
      .map(([name]) => name)
      .sort();
  expect(Object.keys(config).sort()).toEqual([...set(capture.container.Config), "StopTimeout"].sort());
  const byDefault = ["RestartPolicy"]; // the container's own is none
  expect(Object.keys(HostConfig).sort()).toEqual(
    set(capture.container.HostConfig).filter((n) => !byDefault.includes(n)),
  );
});

test("a minimal service leaves everything else to the engine", () => {
  expect(configOf(webTask({ serviceLabels: { not: "on containers" } }))).toEqual({
    Image: "alpine:latest",
    Labels: {
      "com.docker.swarm.node.id": "n1",
      "com.docker.swarm.service.id": "s1",
      "com.docker.swarm.service.name": "web",
      "com.docker.swarm.task": "",
      "com.docker.swarm.task.id": "t1",
      "com.docker.swarm.task.name": "web.1.t1",
    },
    HostConfig: {},
  });
});

test("a command replaces the entry point, arguments alone do not", () => {
  expect(configOf(webTask({ spec: { Command: ["a"], Args: ["b"] } }))).toMatchObject({ Entrypoint: ["a"], Cmd: ["b"] });
  expect(configOf(webTask({ spec: { Args: ["b"] } }))).toMatchObject({ Cmd: ["b"] });
  expect(configOf(webTask({ spec: { Args: ["b"] } }))).not.toHaveProperty("Entrypoint");
});

test("only host-mode ports reach the container, without a number the engine picks one", () => {
  const Ports = [
    { Protocol: "tcp", TargetPort: 80, PublishedPort: 8080, PublishMode: "host" },
    { Protocol: "udp", TargetPort: 53, PublishMode: "host" },
    { Protocol: "tcp", TargetPort: 80, PublishedPort: 8081, PublishMode: "ingress" },
  ] as const;
  const config = configOf(webTask({ endpointSpec: { Ports } }));
  expect(config.ExposedPorts).toEqual({ "80/tcp": {}, "53/udp": {} });
  expect(config.HostConfig.PortBindings).toEqual({
    "80/tcp": [{ HostIp: "", HostPort: "8080" }],
    "53/udp": [{ HostIp: "", HostPort: "" }],
  });
});

test("privileges become security options", () => {
  const Privileges = {
    SELinuxContext: { User: "u", Role: "r", Level: "l", Type: "t" },
    Seccomp: { Mode: "custom", Profile: Buffer.from("{}").toString("base64") },
    AppArmor: { Mode: "disabled" },
    NoNewPrivileges: true,
  };
  expect(configOf(webTask({ spec: { Privileges } })).HostConfig.SecurityOpt).toEqual([
    "label=user:u",
    "label=role:r",
    "label=level:l",
    "label=type:t",
    "seccomp={}",
    "apparmor=unconfined",
    "no-new-privileges=true",
  ]);
});

test("the host network is the engine's own", () => {
  expect(configOf(webTask({ spec: { Networks: [{ Target: "host" }] } })).HostConfig).toEqual({ NetworkMode: "host" });
});

test("a task's log driver wins over the cluster's default", () => {
  const task = webTask();
  const fallback = { Name: "local" };
  expect(containerConfig(task, {}, fallback).HostConfig).toEqual({ LogConfig: { Type: "local", Config: {} } });
  const own = { ...task, spec: { ...task.spec, LogDriver: { Name: "none" } } };
  expect(containerConfig(own, {}, fallback).HostConfig).toEqual({ LogConfig: { Type: "none", Config: {} } });
});

test("the grace period is whole seconds, ten by default", () => {
  expect([undefined, {}, { StopGracePeriod: 0 }, { StopGracePeriod: 2.1e9 }].map(stopGraceSeconds)).toEqual([
    10, 10, 0, 3,
  ]);
});
