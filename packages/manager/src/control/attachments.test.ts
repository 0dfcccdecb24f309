import type { DomainError, NodeId, Task } from "@skep/model";
import { FakeClock } from "@skep/testkit";
import { expect, test } from "vitest";
import { newSwarm, node } from "../allocator/test-network.ts";
import { Agenda } from "../orchestrator/agenda.ts";
import { markEverything } from "../orchestrator/mark-changes.ts";
import { ClusterView } from "../scheduler/cluster-view.ts";
import { attachContainer, detachContainer } from "./attachments.ts";
import { listTasks } from "./list-tasks.ts";
import { createNetwork } from "./networks.ts";
import { removeNode } from "./nodes.ts";

const nodeId = "n1" as NodeId;
const clock = new FakeClock();
const now = "2026-01-01T00:00:00.000Z";

async function setUp() {
  const { store, context } = await newSwarm();
  const id = await createNetwork(store, { Name: "attnet", Attachable: true }, context);
  await createNetwork(store, { Name: "appnet" }, context);
  await store.update((tx) => tx.put("node", node(nodeId)));
  const attach = (more: object = {}): Promise<Task> =>
    attachContainer(
      store,
      nodeId,
      {
        network: "attnet",
        containerId: "3e1ef17bac29",
        containerName: "standalone",
        aliases: ["db"],
        hostPorts: [],
        ...more,
      },
      { clock },
    );
  const failure = (more: object) =>
    attach(more).then(
      () => "attached",
      (error: DomainError) => `${error.code}: ${error.message}`,
    );
  return { store, id, attach, failure };
}

test("a task stands for the container, and runs at once", async () => {
  const { store, id, attach } = await setUp();
  const task = await attach({ hostPorts: [{ protocol: "tcp", published: 8080, target: 80 }] });
  expect(task).toEqual({
    id: expect.stringMatching(/^[0-9a-z]{25}$/),
    version: store.view().revision,
    createdAt: now,
    updatedAt: now,
    serviceId: "",
    slot: 0,
    nodeId,
    spec: {
      NetworkAttachmentSpec: { ContainerID: "3e1ef17bac29" },
      Networks: [{ Target: id }],
      ForceUpdate: 0,
      Runtime: "attachment",
    },
    specVersion: 0,
    endpointSpec: { Ports: [{ Protocol: "tcp", TargetPort: 80, PublishedPort: 8080, PublishMode: "host" }] },
    networks: [{ networkId: id, address: "10.0.1.2/24", aliases: ["db"] }],
    serviceName: "standalone",
    serviceLabels: {},
    cause: "replica",
    desiredState: "running",
    status: { state: "running", timestamp: now, message: "started", runningAt: now },
  });
});

test("asking again changes nothing, unless for another address", async () => {
  const { attach } = await setUp();
  const first = await attach();
  expect((await attach()).id).toBe(first.id);
  expect((await attach({ address: "10.0.1.9" })).networks?.[0]?.address).toBe("10.0.1.9/24");
});

test("refuses in Docker's words", async () => {
  const { attach, failure } = await setUp();
  await attach();
  expect(await failure({ network: "appnet" })).toBe(
    "forbidden: rpc error: code = PermissionDenied desc = network appnet not manually attachable",
  );
  expect(await failure({ network: "ingress" })).toContain("network ingress not manually attachable");
  expect(await failure({ network: "host" })).toContain("network host not manually attachable");
  expect(await failure({ network: "nosuch" })).toBe("not-found: network nosuch not found");
  expect(await failure({ containerId: "other", address: "10.0.1.2" })).toContain("Address already in use: 10.0.1.2");
});

test("only those who ask for attached containers see them among tasks", async () => {
  const { store, attach } = await setUp();
  const { id } = await attach();
  const listed = (filters: Record<string, string[]>) => listTasks(store.view(), new Map(Object.entries(filters)));
  expect(listed({})).toEqual([]);
  expect(listed({ node: [nodeId] })).toEqual([]);
  expect(listed({ runtime: ["attachment"] }).map((task) => task.id)).toEqual([id]);
});

test("neither the orchestrator nor the scheduler has to do with them", async () => {
  const { store, attach } = await setUp();
  await attach();
  const agenda = new Agenda(clock);
  markEverything(store.view(), agenda);
  expect(agenda.take()).toEqual([]);
  const [summary] = new ClusterView(store.view(), clock.now()).nodes;
  expect(summary?.load.activeTasks).toBe(0);
});

test("a container that leaves gives its address up; so does one whose node is removed", async () => {
  const { store, attach } = await setUp();
  const released = () => [...store.view().all("address")].map(({ releasedAt }) => releasedAt !== undefined);
  const { id } = await attach();
  await detachContainer(store, "n2" as NodeId, id);
  expect(store.view().get("task", id)).toBeDefined();
  await detachContainer(store, nodeId, id);
  await detachContainer(store, nodeId, id);
  expect(store.view().get("task", id)).toBeUndefined();
  expect(released()).toEqual([true]);
  await attach();
  await removeNode(store, clock, nodeId, true);
  expect(store.view().count("task")).toBe(0);
  expect(released()).toEqual([true, true]);
});
