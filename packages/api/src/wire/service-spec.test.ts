import { storedSpec } from "@skep/manager";
import { expect, test } from "vitest";
import { recorded } from "../../test/in-process-api.ts";
import { parseServiceSpec } from "./service-spec.ts";

const stored = (sent: unknown) => storedSpec(parseServiceSpec(sent));

test.for(recorded("specs") as { name: string; sent: unknown; stored: unknown }[])(
  "stores what the CLI sent as Docker stores it: $name",
  (pair) => {
    expect(JSON.stringify(stored(pair.sent), undefined, 1)).toEqual(JSON.stringify(pair.stored, undefined, 1));
  },
);

test("a stored spec sent again is the same spec", () => {
  for (const pair of recorded("specs")) {
    expect(JSON.stringify(stored(pair.stored))).toEqual(JSON.stringify(pair.stored));
  }
});

test("matches field names regardless of case and drops unknown fields", () => {
  const spec = stored({ name: "web", bogus: 1, TASKTEMPLATE: { containerspec: { image: "nginx", nope: {} } } });
  expect(spec).toMatchObject({ Name: "web", TaskTemplate: { ContainerSpec: { Image: "nginx" } } });
  expect(JSON.stringify(spec)).not.toMatch(/bogus|nope/);
});

const container = (fields: object) => ({ TaskTemplate: { ContainerSpec: { Image: "nginx", ...fields } } });

test.for([
  [[], "json: cannot unmarshal array into Go value of type swarm.ServiceSpec"],
  ["text", "json: cannot unmarshal string into Go value of type swarm.ServiceSpec"],
  [{ Name: 1 }, "json: cannot unmarshal number into Go struct field ServiceSpec.Name of type string"],
  [{ Labels: { a: 1 } }, "json: cannot unmarshal number into Go struct field ServiceSpec.Labels of type string"],
  [
    container({ Image: {} }),
    "json: cannot unmarshal object into Go struct field ContainerSpec.TaskTemplate.ContainerSpec.Image of type string",
  ],
  [
    { Mode: { Replicated: { Replicas: -1 } } },
    "json: cannot unmarshal number -1 into Go struct field ReplicatedService.Mode.Replicated.Replicas of type uint64",
  ],
  [
    { Mode: { Replicated: { Replicas: 2 ** 64 } } },
    "json: cannot unmarshal number 18446744073709552000 into Go struct field ReplicatedService.Mode.Replicated.Replicas of type uint64",
  ],
  [
    container({ StopGracePeriod: 1.5 }),
    "json: cannot unmarshal number 1.5 into Go struct field ContainerSpec.TaskTemplate.ContainerSpec.StopGracePeriod of type int64",
  ],
  [
    container({ Env: "A=1" }),
    "json: cannot unmarshal string into Go struct field ContainerSpec.TaskTemplate.ContainerSpec.Env of type []string",
  ],
] as const)("refuses a value of the wrong type in Go's words: %j", ([body, message]) => {
  expect(() => parseServiceSpec(body)).toThrow(message);
});

test("keeps durations beyond 104 days exactly", () => {
  const days150 = 150 * 24 * 3600 * 1e9;
  expect(JSON.stringify(stored(container({ StopGracePeriod: days150 })))).toContain(":12960000000000000");
});

test("keeps the difference between absent, null and empty as Docker does", () => {
  const spec = stored(
    container({ Args: [], Env: null, Hostname: "", Init: false, TTY: false, StopGracePeriod: 0, Labels: {} }),
  );
  expect(spec.TaskTemplate.ContainerSpec).toEqual({
    Image: "nginx",
    Init: false,
    StopGracePeriod: 0,
    Isolation: "default",
  });
});
