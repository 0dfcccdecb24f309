import { expect, test } from "vitest";
import { readSettings } from "./read-settings.ts";

type Texts = Record<string, string>;
const read = (env: Texts = {}, secrets: Texts = {}) => readSettings(env, (name) => secrets[name]).listener;

test("with nothing set, the listener is as in its published image", () => {
  expect(read()).toEqual({
    dockerHost: "unix:///var/run/docker.sock",
    notifyLabel: { name: "com.df.notify", value: "true" },
    createService: [],
    removeService: [],
    createNode: [],
    removeNode: [],
    retries: 50,
    retryIntervalSeconds: 5,
    servicePollingSeconds: undefined,
    nodePollingSeconds: undefined,
    serviceEvents: true,
    nodeEvents: true,
    nodeInfo: false,
    nodeInfoHasTaskAddress: true,
    namePrefix: "",
    notifyImmediately: false,
  });
});

test("every variable is read", () => {
  expect(
    read({
      DF_DOCKER_HOST: "tcp://docker:2375",
      DF_NOTIFY_LABEL: "my.notify=yes",
      DF_RETRY: "3",
      DF_RETRY_INTERVAL: "0",
      DF_SERVICE_POLLING_INTERVAL: "20",
      DF_NODE_POLLING_INTERVAL: "30",
      DF_USE_DOCKER_SERVICE_EVENTS: "false",
      DF_USE_DOCKER_NODE_EVENTS: "false",
      DF_INCLUDE_NODE_IP_INFO: "true",
      DF_NODE_IP_INFO_INCLUDES_TASK_ADDRESS: "false",
      DF_SERVICE_NAME_PREFIX: "dev1",
      DF_NOTIFY_CREATE_SERVICE_IMMEDIATELY: "true",
    }),
  ).toMatchObject({
    dockerHost: "tcp://docker:2375",
    notifyLabel: { name: "my.notify", value: "yes" },
    retries: 3,
    retryIntervalSeconds: 0,
    servicePollingSeconds: 20,
    nodePollingSeconds: 30,
    serviceEvents: false,
    nodeEvents: false,
    nodeInfo: true,
    nodeInfoHasTaskAddress: false,
    namePrefix: "dev1",
    notifyImmediately: true,
  });
});

test("methods belong to URLs by position, and the last one repeats", () => {
  const env = {
    DF_NOTIFY_CREATE_SERVICE_URL: "http://a/x,http://b/x?y=1, http://c/x",
    DF_NOTIFY_CREATE_SERVICE_METHOD: "get,PUT",
    DF_NOTIFY_REMOVE_SERVICE_URL: "http://a/remove",
    DF_NOTIFY_CREATE_NODE_URL: "https://n/create",
    DF_NOTIFY_REMOVE_NODE_URL: "https://n/remove",
  };
  expect(read(env)).toMatchObject({
    createService: [
      { url: "http://a/x", method: "GET" },
      { url: "http://b/x?y=1", method: "PUT" },
      { url: "http://c/x", method: "PUT" },
    ],
    removeService: [{ url: "http://a/remove", method: "GET" }],
    createNode: [{ url: "https://n/create", method: "GET" }],
    removeNode: [{ url: "https://n/remove", method: "GET" }],
  });
});

test.each([
  [{}, "http://current/"],
  [{ DF_NOTIFY_CREATE_SERVICE_URL: "" }, "http://oldest/"],
  [{ DF_NOTIF_CREATE_SERVICE_URL: "http://old/" }, "http://old/"],
])("the old name goes before the present one, and that before the oldest: %o", (change, url) => {
  const env = { DF_NOTIFY_CREATE_SERVICE_URL: "http://current/", DF_NOTIFICATION_URL: "http://oldest/", ...change };
  expect(read(env).createService).toEqual([{ url, method: "GET" }]);
  expect(read(env).removeService).toEqual([{ url: "http://oldest/", method: "GET" }]);
});

test("secrets add URLs", () => {
  const secrets = { df_notify_create_service_url: "http://s/1,http://s/2\n", df_notify_remove_node_url: "http://s/3" };
  const listener = read({ DF_NOTIFY_CREATE_SERVICE_URL: "http://a/" }, secrets);
  expect(listener.createService.map(({ url }) => url)).toEqual(["http://a/", "http://s/1", "http://s/2"]);
  expect(listener.removeNode.map(({ url }) => url)).toEqual(["http://s/3"]);
});

test.each([
  ["DF_NOTIFY_CREATE_SERVICE_URL", "proxy:8080", "http:// or https:// URLs"],
  ["DF_NOTIFY_CREATE_SERVICE_METHOD", "GET /", "HTTP methods, separated by commas"],
  ["DF_RETRY", "x", "a whole number from 0 to 1000000"],
  ["DF_SERVICE_NAME_PREFIX", "a/b", "letters, digits and _ . : -"],
])("refuses %s=%s", (name, value, allowed) => {
  expect(() => read({ [name]: value })).toThrow(`${name} is "${value}", but must be ${allowed}`);
});
