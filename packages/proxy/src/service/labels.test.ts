import { expect, test } from "vitest";
import { defaultLabelOptions, parametersOfLabels } from "./labels.ts";

const notify = { "com.df.notify": "true" };
const query = (...given: Parameters<typeof parametersOfLabels>) => parametersOfLabels(...given)?.toString();

test("every label com.df.x is the parameter x, sorted; the notify label and other labels are not passed on", () => {
  const labels = {
    ...notify,
    "com.df.servicePath.1": "/a,/b",
    "com.df.port": "8080",
    "com.df.alertName": "mem",
    other: "x",
  };
  expect(query("go-demo_main", labels, 3)).toBe(
    "alertName=mem&distribute=true&port=8080&replicas=3&serviceName=go-demo_main&servicePath.1=%2Fa%2C%2Fb",
  );
});

test.each([
  [{}, undefined],
  [{ "com.df.notify": "false" }, undefined],
  [{ "com.df.notify": "TRUE" }, "distribute=true&serviceName=s"],
])("a service is seen when its notify label is true: %o", (labels, expected) => {
  expect(query("s", labels, undefined)).toBe(expected);
});

test("the notify label is configurable, with its value", () => {
  const options = { ...defaultLabelOptions, notifyLabel: { name: "my.label", value: "yes" } };
  expect(query("s", { "my.label": "Yes", "com.df.port": "1" }, 1, options)).toBe(
    "distribute=true&port=1&replicas=1&serviceName=s",
  );
  expect(query("s", notify, 1, options)).toBeUndefined();
});

test("distribute is true unless a label says otherwise", () => {
  expect(query("s", { ...notify, "com.df.distribute": "false" }, undefined)).toBe("distribute=false&serviceName=s");
});

test("what the swarm says goes before labels", () => {
  const labels = { ...notify, "com.df.serviceName": "other", "com.df.replicas": "9" };
  expect(query("s", labels, 0)).toBe("distribute=true&replicas=0&serviceName=s");
});

test.each([
  [{ "com.df.shortName": "true", "com.docker.stack.namespace": "go-demo" }, "main"],
  [{ "com.df.shortName": "false", "com.docker.stack.namespace": "go-demo" }, "go-demo_main"],
  [{ "com.docker.stack.namespace": "go-demo" }, "go-demo_main"],
  [{ "com.df.shortName": "true" }, "go-demo_main"],
  [{ "com.df.shortName": "true", "com.docker.stack.namespace": "other" }, "go-demo_main"],
])("shortName leaves out the stack's name: %o", (labels, expected) => {
  expect(parametersOfLabels("go-demo_main", { ...notify, ...labels }, 1)?.get("serviceName")).toBe(expected);
});

test("a prefix goes before the name", () => {
  expect(parametersOfLabels("s", notify, 1, { ...defaultLabelOptions, namePrefix: "dev" })?.get("serviceName")).toBe(
    "dev_s",
  );
});
