import { expect, test } from "vitest";
import { inProcessApi, recorded } from "../../test/in-process-api.ts";
import { clusterOfRecording, networkOf, networkOfTask, nodeOf, serviceOf, taskOf } from "../../test/recorded-swarm.ts";

const shown = { ...recorded("objects"), ...recorded("networks") };

/** The same keys in the same order, whatever the store counts and dates. */
const unwritten = ({ Version, CreatedAt, UpdatedAt, ...rest }: Record<string, unknown>) => {
  expect(Version).toEqual({ Index: expect.any(Number) });
  expect([CreatedAt, UpdatedAt]).toEqual([expect.stringMatching(rfc3339), expect.stringMatching(rfc3339)]);
  return JSON.stringify(rest, undefined, 1);
};
/** The same for a task, whose networks have versions and dates too. */
const unwrittenTask = ({ NetworksAttachments: attachments, ...task }: Record<string, unknown>) => [
  unwritten(task),
  ...((attachments ?? []) as Recorded[]).map(({ Network, ...rest }) => [unwritten(Network), JSON.stringify(rest)]),
];
// biome-ignore lint/suspicious/noExplicitAny: recordings are plain JSON
type Recorded = any;
const rfc3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/;

const tasks = ["task", "taskGlobal", "tasksPending", "tasksUnhealthy", "hostTask", "attachmentTask"];
test.for(tasks)("shows a task as Docker does: %s", async (name) => {
  const api = inProcessApi();
  await api.store.update((tx) => {
    for (const attachment of shown[name].NetworksAttachments ?? []) tx.put("network", networkOfTask(attachment));
    tx.put("task", taskOf(shown[name]));
  });
  const { body } = await api.call("GET", `/tasks/${shown[name].ID}`);
  expect(unwrittenTask(body)).toEqual(unwrittenTask(shown[name]));
});

test("lists containers attached by hand only for who asks for them", async () => {
  const api = inProcessApi();
  await api.store.update((tx) => {
    for (const attachment of shown.attachmentTask.NetworksAttachments) tx.put("network", networkOfTask(attachment));
    tx.put("task", taskOf(shown.attachmentTask));
  });
  expect((await api.call("GET", "/tasks")).body).toEqual([]);
  const filters = encodeURIComponent('{"runtime":{"attachment":true}}');
  const { body } = await api.call("GET", `/tasks?filters=${filters}`);
  expect(body.map(unwrittenTask)).toEqual([unwrittenTask(shown.attachmentTask)]);
});

test.for(["unused", "labelled", "host"])("shows a network as a manager of Docker does: %s", async (name) => {
  const api = inProcessApi();
  await api.store.update((tx) => tx.put("network", networkOf(shown[name])));
  const { body } = await api.call("GET", `/networks/${shown[name].Name}?scope=swarm`);
  expect(undated(body)).toEqual(undated(shown[name]));
});

const undated = ({ Created, ...rest }: Record<string, unknown>) => {
  expect(Created).toEqual(expect.stringMatching(rfc3339));
  return JSON.stringify(rest, undefined, 1);
};

test.for(["manager", "worker", "down"])("shows a node as Docker does: %s", async (name) => {
  const api = inProcessApi();
  await api.store.update((tx) => tx.put("node", nodeOf(shown[name])));
  const { body } = await api.call("GET", `/nodes/${shown[name].ID}`);
  expect(unwritten(body)).toEqual(unwritten(shown[name]));
});

test("shows a node that has not told about itself yet", async () => {
  const api = inProcessApi();
  const { description: _, ...silent } = nodeOf(shown.worker);
  await api.store.update((tx) => tx.put("node", { ...silent, status: { state: "unknown", addr: "" } }));
  const { body } = await api.call("GET", "/nodes");
  expect(body[0]).toMatchObject({
    Description: { Platform: {}, Resources: {}, Engine: {} },
    Status: { State: "unknown" },
  });
  expect(body[0]).not.toHaveProperty("ManagerStatus");
});

test.for(["mini", "full", "rollback", "paused", "dvip", "drr", "ports", "hostService"])(
  "shows a service as Docker does: %s",
  async (name) => {
    const api = inProcessApi();
    await api.store.update((tx) => tx.put("service", serviceOf(shown[name])));
    const { body } = await api.call("GET", `/services/${shown[name].Spec.Name}`);
    expect(unwritten(body)).toEqual(unwritten(shown[name]));
  },
);

test.for([
  ["mini", "miniDefaults"],
  ["simpleDefaults", "simpleDefaults"],
] as const)("writes the defaults of a spec out on request: %s", async ([stored, withDefaults]) => {
  const api = inProcessApi();
  await api.store.update((tx) => tx.put("service", serviceOf(shown[stored])));
  const { body } = await api.call("GET", `/services/${shown[stored].ID}?insertDefaults=true`);
  expect(unwritten(body)).toEqual(unwritten(shown[withDefaults]));
});

test.for(["swarm", "swarmCustom", "swarmEmpty"])("shows the swarm as Docker does: %s", async (name) => {
  const api = inProcessApi();
  await api.store.update((tx) => tx.put("cluster", clusterOfRecording(shown[name])));
  const { body } = await api.call("GET", "/swarm");
  expect(unwritten(body)).toEqual(unwritten(shown[name]));
});

test("an empty list is a list", async () => {
  const api = inProcessApi();
  for (const path of ["/services", "/tasks", "/nodes"]) {
    expect(await api.call("GET", path)).toMatchObject({ status: 200, body: [] });
  }
});
