import { expect, test } from "vitest";
import { type Endpoint, type Environment, parseListenerSettings } from "./listener-settings.ts";

/** `create GET http://…` and `remove …` lines, by host. */
const describe = (endpoints: readonly Endpoint[]) =>
  Object.fromEntries(
    endpoints.map(({ host, create, remove }) => [
      host,
      [
        ...create.map(({ url, method }) => `create ${method} ${url.pathname}${url.search}`),
        ...remove.map(({ url, method }) => `remove ${method} ${url.pathname}${url.search}`),
      ],
    ]),
  );
const services = (env: Environment, secrets: Record<string, string> = {}) =>
  describe(parseListenerSettings(env, (name) => secrets[name]).serviceEndpoints);
const nodes = (env: Environment, secrets: Record<string, string> = {}) =>
  describe(parseListenerSettings(env, (name) => secrets[name]).nodeEndpoints);

test("defaults are those of the image", () => {
  expect(parseListenerSettings({})).toEqual({
    dockerHost: "unix:///var/run/docker.sock",
    notifyLabel: "com.df.notify",
    serviceEndpoints: [],
    nodeEndpoints: [],
    retries: 50,
    retryIntervalMs: 5000,
    servicePollingMs: 30_000,
    nodePollingMs: 30_000,
    serviceEvents: true,
    nodeEvents: true,
    includeNodeInfo: false,
    nodeInfoWithAddress: true,
    namePrefix: "",
    createImmediately: false,
    port: 8080,
  });
});

test("takes every variable", () => {
  const settings = parseListenerSettings({
    DF_DOCKER_HOST: "tcp://10.0.0.1:2375",
    DF_NOTIFY_LABEL: "com.df.notifyTest",
    DF_RETRY: "7",
    DF_RETRY_INTERVAL: "0",
    DF_SERVICE_POLLING_INTERVAL: "20",
    DF_NODE_POLLING_INTERVAL: "0",
    DF_USE_DOCKER_SERVICE_EVENTS: "false",
    DF_USE_DOCKER_NODE_EVENTS: "0",
    DF_INCLUDE_NODE_IP_INFO: "true",
    DF_NODE_IP_INFO_INCLUDES_TASK_ADDRESS: "F",
    DF_SERVICE_NAME_PREFIX: "dev",
    DF_NOTIFY_CREATE_SERVICE_IMMEDIATELY: "T",
  });
  expect(settings).toMatchObject({
    dockerHost: "tcp://10.0.0.1:2375",
    notifyLabel: "com.df.notifyTest",
    retries: 7,
    retryIntervalMs: 0,
    servicePollingMs: 20_000,
    nodePollingMs: 30_000,
    serviceEvents: false,
    nodeEvents: false,
    includeNodeInfo: true,
    nodeInfoWithAddress: false,
    namePrefix: "dev",
    createImmediately: true,
  });
});

test("URLs of services are grouped by host", () => {
  expect(
    services({
      DF_NOTIFY_CREATE_SERVICE_URL: "http://proxy:8080/v1/docker-flow-proxy/reconfigure, http://monitor:8080/r?a=b",
      DF_NOTIFY_REMOVE_SERVICE_URL: "http://proxy:8080/v1/docker-flow-proxy/remove,http://other/remove",
    }),
  ).toEqual({
    "proxy:8080": ["create GET /v1/docker-flow-proxy/reconfigure", "remove GET /v1/docker-flow-proxy/remove"],
    "monitor:8080": ["create GET /r?a=b"],
    other: ["remove GET /remove"],
  });
});

test("two URLs of one host are both called, the same one once", () => {
  const env = { DF_NOTIFY_CREATE_SERVICE_URL: "http://proxy/a,http://proxy/b,http://proxy/a" };
  expect(services(env)).toEqual({ proxy: ["create GET /a", "create GET /b"] });
});

test("methods belong to the URLs by position, and the last one goes on", () => {
  const env = {
    DF_NOTIFY_CREATE_SERVICE_URL: "http://a/1,http://b/2,http://c/3",
    DF_NOTIFY_CREATE_SERVICE_METHOD: "put,post",
    DF_NOTIFY_REMOVE_SERVICE_URL: "http://a/1",
    DF_NOTIFY_REMOVE_SERVICE_METHOD: "DELETE",
  };
  expect(services(env)).toEqual({
    a: ["create PUT /1", "remove DELETE /1"],
    b: ["create POST /2"],
    c: ["create POST /3"],
  });
});

test("the older name of a variable comes first, the oldest last and for both kinds", () => {
  const oldest = { DF_NOTIFICATION_URL: "http://oldest/n" };
  const current = { DF_NOTIFY_CREATE_SERVICE_URL: "http://current/c" };
  expect(services(oldest)).toEqual({ oldest: ["create GET /n", "remove GET /n"] });
  expect(services({ ...oldest, ...current })).toEqual({ current: ["create GET /c"], oldest: ["remove GET /n"] });
  expect(services({ ...current, DF_NOTIF_CREATE_SERVICE_URL: "http://old/c" })).toEqual({ old: ["create GET /c"] });
});

test("secrets add URLs, also where there was none", () => {
  const env = { DF_NOTIFY_CREATE_SERVICE_URL: "http://proxy/c" };
  const secrets = {
    df_notify_create_service_url: "http://user:pass@secret/c\n",
    df_notify_remove_service_url: "http://secret/r",
    df_notify_create_node_url: "http://secret/n",
    df_notify_remove_node_url: "http://secret/m",
  };
  expect(services(env, secrets)).toEqual({ proxy: ["create GET /c"], secret: ["create GET /c", "remove GET /r"] });
  expect(nodes(env, secrets)).toEqual({ secret: ["create GET /n", "remove GET /m"] });
});

test("a host with URLs of nodes only is told of nodes only, always by GET", () => {
  const env = {
    DF_NOTIFY_CREATE_NODE_URL: "http://monitor/n",
    DF_NOTIFY_REMOVE_NODE_URL: "http://monitor/m",
    DF_NOTIFY_CREATE_NODE_METHOD: "PUT",
  };
  expect([services(env), nodes(env)]).toEqual([{}, { monitor: ["create GET /n", "remove GET /m"] }]);
});

test.each([
  [
    { DF_NOTIFY_CREATE_SERVICE_URL: "proxy:8080/reconfigure" },
    "DF_NOTIFY_CREATE_SERVICE_URL: proxy:8080/reconfigure is not an http URL",
  ],
  [{ DF_NOTIFY_REMOVE_NODE_URL: "http://a/,nonsense" }, "DF_NOTIFY_REMOVE_NODE_URL: nonsense is not an http URL"],
  [{ DF_RETRY: "many" }, "DF_RETRY: many is not a whole number"],
  [{ DF_RETRY_INTERVAL: "0.5" }, "DF_RETRY_INTERVAL: 0.5 is not a whole number"],
])("%j is refused: %s", (env, message) => {
  expect(() => parseListenerSettings(env)).toThrow(message);
});
