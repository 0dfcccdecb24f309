import { DomainError, type NetworkId, type NodeId, type Task, type TaskId } from "@skep/model";
import { expect, test } from "vitest";
import { type RunOptions, runSession, Wire } from "./test-session.ts";
import { assignedTask, TestSwarm } from "./test-swarm.ts";

const n1 = "node-1" as NodeId;
const n2 = "node-2" as NodeId;
const eventually = (read: () => unknown) => expect.poll(read, { timeout: 5000, interval: 5 });
const run = (managers: readonly string[], options: Partial<RunOptions> = {}) =>
  runSession({ nodeId: n1, managers, ...options });
const soon = () => AbortSignal.timeout(5000);

const onNetwork = (id: string, nodeId: NodeId, rest: Partial<Task> = {}) =>
  assignedTask(id, nodeId, {
    networks: [{ networkId: "net" as NetworkId, address: "10.0.1.5/24", aliases: [] }],
    ...rest,
  });

/** Two nodes, and the attachable network `net`. */
async function start(): Promise<TestSwarm> {
  const swarm = await TestSwarm.start(n1, n2);
  await swarm.store.update((tx) =>
    tx.put("network", {
      id: "net" as NetworkId,
      version: 0,
      createdAt: "",
      updatedAt: "",
      spec: { Name: "net", Attachable: true },
      vni: 4097,
      subnets: [{ subnet: "10.0.1.0/24", gateway: "10.0.1.1" }],
    }),
  );
  return swarm;
}

test("a node is told of networks before the tasks on them, also when its kernel takes long", async () => {
  await using swarm = await start();
  await swarm.store.update((tx) => tx.put("task", onNetwork("t1", n1)));
  const order: string[] = [];
  const kernel = Promise.withResolvers<[]>();
  await using _ = await run([swarm.addr], {
    handlers: {
      network: ({ put }) => {
        order.push(`records ${put.map(({ id }) => id).join(" ")}`);
        return kernel.promise;
      },
      assignments: async (all) => void order.push(`tasks ${all.map(({ task }) => task.id).join(" ")}`),
      changes: async (put) => void order.push(`tasks ${put.map(({ task }) => task.id).join(" ")}`),
    },
  });
  await eventually(() => order).toEqual(["records net t1", "tasks t1"]);
  await swarm.store.update((tx) => tx.put("task", onNetwork("t2", n1)));
  await eventually(() => order.slice(2)).toEqual(["records t2", "tasks t2"]);
  kernel.resolve([]);
});

test("a task is settled once every node on its networks has it in its kernel", async () => {
  await using swarm = await start();
  await swarm.store.update((tx) => {
    tx.put("task", onNetwork("t1", n1, { status: { state: "running", timestamp: "", message: "" } }));
    tx.put("task", onNetwork("t2", n2));
  });
  const kernels: PromiseWithResolvers<[]>[] = [];
  await using one = await run([swarm.addr]);
  await using two = await run([swarm.addr], {
    nodeId: n2,
    handlers: {
      network: () => {
        const kernel = Promise.withResolvers<[]>();
        kernels.push(kernel);
        return kernel.promise;
      },
    },
  });
  await eventually(two.states).toEqual(["connected"]);
  await eventually(one.states).toEqual(["connected"]);
  let done = false;
  const settled = one.session.settle("t1" as TaskId, { withdraw: true }, soon()).then(() => {
    done = true;
  });
  await eventually(() => kernels.length).toBeGreaterThan(1);
  expect([done, swarm.task("t1")?.withdrawn]).toEqual([false, true]);
  for (const kernel of kernels) kernel.resolve([]);
  await settled;
});

test("a call made before there is a manager, or while it restarts, is answered by the next one", async () => {
  await using swarm = await start();
  await swarm.store.update((tx) => {
    tx.put("task", onNetwork("t1", n1));
    tx.put("task", onNetwork("t2", n2));
  });
  await using one = await run([swarm.addr]);
  const settled = one.session.settle("t1" as TaskId, { withdraw: false }, soon());
  await eventually(one.states).toEqual(["connected"]);
  await using two = await run([swarm.addr], { nodeId: n2, handlers: { network: () => new Promise(() => {}) } });
  await eventually(two.states).toEqual(["connected"]);
  await swarm.stop();
  await two.stop();
  await swarm.listen();
  await using _ = await run([swarm.addr], { nodeId: n2 });
  await settled;
});

test("a container is attached and detached; a refusal comes as the manager said it", async () => {
  await using swarm = await start();
  await using agent = await run([swarm.addr]);
  const request = { network: "net", containerId: "c1", containerName: "adhoc", aliases: [], hostPorts: [] };
  const attached = await agent.session.attach(request, soon());
  expect(attached).toMatchObject({ nodeId: n1, serviceName: "adhoc", networks: [{ networkId: "net" }] });
  expect((await agent.session.attach(request, soon())).id).toBe(attached.id);
  await agent.session.detach(attached.id, soon());
  expect(swarm.task(attached.id)).toBeUndefined();
  const refused = agent.session.attach({ ...request, network: "none" }, soon());
  await expect(refused).rejects.toThrow("network none not found");
  await expect(refused).rejects.toBeInstanceOf(DomainError);
});

test("without a manager a call waits until its caller has had enough", async () => {
  await using agent = await run(["127.0.0.1:1"]);
  const controller = new AbortController();
  const settled = agent.session.settle("t1" as TaskId, { withdraw: false }, controller.signal);
  controller.abort(new Error("enough"));
  await expect(settled).rejects.toThrow("enough");
});

test("a call under way is given up with its signal, and the manager stops waiting for it", async () => {
  await using swarm = await start();
  await using wire = await Wire.to(swarm.addr);
  await swarm.store.update((tx) => {
    tx.put("task", onNetwork("t1", n1));
  });
  await using agent = await run([wire.addr], { handlers: { network: () => new Promise(() => {}) } });
  await eventually(agent.states).toEqual(["connected"]);
  const controller = new AbortController();
  const settled = agent.session.settle("t1" as TaskId, { withdraw: false }, controller.signal);
  await new Promise((resolve) => setTimeout(resolve, 30));
  controller.abort(new Error("enough"));
  await expect(settled).rejects.toThrow("enough");
});

test("a node says which ports its processes have", async () => {
  await using swarm = await start();
  await using agent = await run([swarm.addr], {
    handlers: { probePorts: async (ports) => ports.map((port) => ({ ...port, process: "nginx (pid 7)" })) },
  });
  await eventually(agent.states).toEqual(["connected"]);
  const ask = () => swarm.dispatcher.probePorts([{ protocol: "tcp", published: 80 }], soon());
  await eventually(async () => (await ask()).map(({ node, process }) => `${node} ${process}`)).toEqual([
    "host nginx (pid 7)",
  ]);
});
