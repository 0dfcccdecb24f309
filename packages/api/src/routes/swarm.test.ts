import { beforeEach, expect, test } from "vitest";
import { type InProcessApi, inProcessApi, recorded } from "../../test/in-process-api.ts";
import { clusterOfRecording } from "../../test/recorded-swarm.ts";

let api: InProcessApi;
beforeEach(async () => {
  api = inProcessApi();
  await api.store.update((tx) => tx.put("cluster", clusterOfRecording(recorded("objects").swarm)));
});

const get = async () => (await api.call("GET", "/swarm")).body;
const update = async (spec: object, query = "") =>
  api.call("POST", `/swarm/update?version=${(await get()).Version.Index}${query}`, spec);

/** What `docker swarm init --advertise-addr 192.168.98.11` sends. */
const cliInit = {
  ListenAddr: "0.0.0.0:2377",
  AdvertiseAddr: "192.168.98.11",
  DataPathAddr: "",
  DataPathPort: 0,
  ForceNewCluster: false,
  Spec: {
    Labels: null,
    Orchestration: {},
    Raft: { ElectionTick: 0, HeartbeatTick: 0 },
    Dispatcher: {},
    CAConfig: {},
    TaskDefaults: {},
    EncryptionConfig: { AutoLockManagers: false },
  },
  AutoLockManagers: false,
  Availability: "",
  DefaultAddrPool: [],
  SubnetSize: 24,
};

async function init(body: object) {
  api.status = { state: "inactive" };
  const { status, body: answer } = await api.call("POST", "/swarm/init", body);
  return status === 200 ? JSON.parse(api.asked.at(-1)?.replace(/^init /, "") ?? "") : answer.message;
}

test("init fills in what the CLI leaves open, with a heartbeat of one second", async () => {
  const recordedSpec = recorded("objects").swarm.Spec;
  expect(await init(cliInit)).toEqual({
    listenAddr: "0.0.0.0:2377",
    advertiseAddr: "192.168.98.11",
    dataPathAddr: "",
    dataPathPort: 4789,
    defaultAddrPool: [],
    subnetSize: 24,
    forceNewCluster: false,
    availability: "active",
    spec: { ...recordedSpec, Dispatcher: { HeartbeatPeriod: 1e9 } },
  });
});

test("init keeps what was chosen, a heartbeat of 5 s too", async () => {
  const chosen = {
    ...cliInit.Spec,
    Dispatcher: { HeartbeatPeriod: 5e9 },
    Orchestration: { TaskHistoryRetentionLimit: 0 },
  };
  const request = await init({ ...cliInit, Spec: chosen, Availability: "drain", DefaultAddrPool: [" 10.20.0.0/16"] });
  expect(request.spec).toMatchObject({ Dispatcher: chosen.Dispatcher, Orchestration: chosen.Orchestration });
  expect(request).toMatchObject({ availability: "drain", defaultAddrPool: ["10.20.0.0/16"] });
});

test.for([
  [{ AutoLockManagers: true }, /autolock/],
  [{ Spec: { EncryptionConfig: { AutoLockManagers: true } } }, /autolock/],
  [{ Spec: { CAConfig: { SigningCACert: "pem" } } }, /certificate authority/],
  [{ ForceNewCluster: true }, /force-new-cluster/],
  [
    { DefaultAddrPool: ["10.0.0.0/8", "10.3.0.0/16"] },
    /invalid base pool 10.3.0.0\/16: it overlaps with base pool 10.0.0.0\/8/,
  ],
  [{ DefaultAddrPool: ["fd00::/20"] }, /invalid base pool fd00::\/20/],
  [{ SubnetSize: 7 }, /invalid CIDR: "10.0.0.0\/8". Subnet size is too small for pool: 7/],
  [{ DefaultAddrPool: ["10.0.0.0/28"] }, /invalid CIDR: "10.0.0.0\/28". Subnet size is too small for pool: 24/],
  [{ Availability: "foo" }, /^invalid Availability: "foo"$/],
] as const)("init refuses %j", async ([fields, message]) => {
  expect(await init({ ...cliInit, ...fields })).toMatch(message);
  expect(api.asked).toEqual([]);
});

test("join hands over a request that could be right", async () => {
  api.status = { state: "inactive" };
  const token = recorded("objects").swarm.JoinTokens.Worker;
  const body = { ListenAddr: "0.0.0.0:2377", AdvertiseAddr: "", RemoteAddrs: ["192.168.98.11:2377"], JoinToken: token };
  expect(await api.call("POST", "/swarm/join", body)).toMatchObject({ status: 200, body: "" });
  expect(api.asked).toEqual([
    `join ${JSON.stringify({ listenAddr: "0.0.0.0:2377", advertiseAddr: "", dataPathAddr: "", remoteAddrs: body.RemoteAddrs, joinToken: token, availability: "active" })}`,
  ]);
});

test("a worker leaves without force, a manager with it", async () => {
  api.status = { state: "active", role: "worker" };
  await api.call("POST", "/swarm/leave");
  api.status = { state: "active", role: "manager" };
  await api.call("POST", "/swarm/leave?force=1");
  expect(api.asked).toEqual(["leave", "leave by force"]);
});

test("an update stores zero for what is left out, as Docker does", async () => {
  expect(await update({})).toMatchObject({ status: 200, body: "" });
  expect((await get()).Spec).toEqual(recorded("objects").swarmEmpty.Spec);
});

test("an update keeps a heartbeat of 5 s that was asked for", async () => {
  await update({ ...recorded("objects").swarm.Spec, Dispatcher: { HeartbeatPeriod: 5e9 } });
  expect((await get()).Spec.Dispatcher).toEqual({ HeartbeatPeriod: 5e9 });
});

test("the rotate flags replace the tokens, when the update itself went well", async () => {
  const { Spec } = await get();
  await update(Spec, "&rotateManagerToken=false&rotateManagerUnlockKey=false&rotateWorkerToken=true");
  await api.call("POST", "/swarm/update?version=1000&rotateManagerToken=true", Spec);
  expect(api.asked).toEqual(["rotate worker token"]);
  expect((await update(Spec, "&rotateWorkerToken=x")).body.message).toBe("invalid value for rotateWorkerToken: x");
});

test.for([
  [{ EncryptionConfig: { AutoLockManagers: true } }, "", /autolock/],
  [{ CAConfig: { ForceRotate: 1 } }, "", /certificate authority/],
  [{ CAConfig: { SigningCACert: "pem", SigningCAKey: "pem" } }, "", /certificate authority/],
  [{ CAConfig: { ExternalCAs: [{ URL: "https://ca" }] } }, "", /certificate authority/],
  [{}, "&rotateManagerUnlockKey=true", /autolock/],
] as const)("answers 501 to an update that asks for %j%s", async ([fields, query, message]) => {
  const before = await get();
  const { status, body } = await update({ ...before.Spec, ...fields }, query);
  expect([status, body.message]).toEqual([501, expect.stringMatching(message)]);
  expect(await get()).toEqual(before);
});

test("there is no unlock key, and nothing to unlock", async () => {
  expect(await api.call("GET", "/swarm/unlockkey")).toMatchObject({ status: 200, body: { UnlockKey: "" } });
});
