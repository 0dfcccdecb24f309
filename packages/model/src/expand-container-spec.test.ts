import { expect, test } from "vitest";
import { expandContainerSpec, templateContext } from "./expand-container-spec.ts";
import type { NodeId, ServiceId, TaskId } from "./ids.ts";

const task = {
  id: "t1" as TaskId,
  serviceId: "s1" as ServiceId,
  serviceName: "web",
  serviceLabels: { zone: "eu" },
  slot: 2,
  nodeId: "n1" as NodeId,
};
const node = { Hostname: "node-1", Platform: { Architecture: "x86_64", OS: "linux" } };
const context = templateContext(task, node);

test("expands host name, the value part of env, and mounts, and nothing else", () => {
  const spec = {
    Image: "{{.Task.Slot}}",
    Labels: { l: "{{.Task.Slot}}" },
    Args: ["{{.Task.Slot}}"],
    Hostname: "{{.Service.Name}}-{{.Task.Slot}}",
    Env: ["A=1", "N={{.Node.Hostname}}", "{{.Bare}}", "{{.Key}}=x={{.Task.Slot}}"],
    Mounts: [
      {
        Type: "volume",
        Source: "data-{{.Task.Slot}}",
        Target: "/{{.Service.Labels.zone}}",
        VolumeOptions: {
          NoCopy: true,
          Labels: { slot: "{{.Task.Slot}}" },
          DriverConfig: { Name: "{{.Task.Slot}}", Options: { o: "{{.Node.ID}}" } },
        },
      },
    ],
  };
  expect(expandContainerSpec(spec, context)).toEqual({
    ...spec,
    Hostname: "web-2",
    Env: ["A=1", "N=node-1", "{{.Bare}}", "{{.Key}}=x=2"],
    Mounts: [
      {
        Type: "volume",
        Source: "data-2",
        Target: "/eu",
        VolumeOptions: {
          NoCopy: true,
          Labels: { slot: "2" },
          DriverConfig: { Name: "{{.Task.Slot}}", Options: { o: "n1" } },
        },
      },
    ],
  });
});

test("a spec without templates comes back equal", () => {
  expect(expandContainerSpec({ Image: "alpine" }, context)).toEqual({ Image: "alpine" });
});

test("a task of a global service has its node's id as slot and in its name", () => {
  expect(templateContext({ ...task, slot: 0 }, node).Task).toEqual({ ID: "t1", Name: "web.n1.t1", Slot: "n1" });
});

test.each([
  [{ Env: ["A={{.Nope}}"] }, 'expanding env failed: expanding env "A={{.Nope}}": template: expansion:1:2: '],
  [{ Hostname: "{{.Nope}}" }, "expanding hostname failed: template: expansion:1:2: "],
  [{ Mounts: [{ Source: "{{.Nope}}" }] }, 'expanding mounts failed: expanding mount source "{{.Nope}}": template: '],
  [{ Mounts: [{ Target: "{{.Nope}}" }] }, 'expanding mounts failed: expanding mount target "{{.Nope}}": template: '],
  [
    { Mounts: [{ VolumeOptions: { Labels: { a: "{{.Nope}}" } } }] },
    'expanding mounts failed: expanding volume labels: expanding map entry "a"="{{.Nope}}": template: ',
  ],
  [
    { Mounts: [{ VolumeOptions: { DriverConfig: { Options: { a: "{{.Nope}}" } } } }] },
    'expanding mounts failed: expanding volume driver config: expanding map entry "a"="{{.Nope}}": template: ',
  ],
])("says where the template of %j is wrong", (spec, words) => {
  expect(() => expandContainerSpec(spec, context)).toThrow(words);
});
