import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ClusterEventLog, type InitRequest } from "@skep/api";
import { EngineUnavailable } from "@skep/engine";
import { defaultClusterSpec } from "@skep/manager";
import { type Clock, silentLogger, systemClock } from "@skep/model";
import { FakeEngine, freePort } from "@skep/testkit";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { SwarmMember } from "./swarm-member.ts";

const request: InitRequest = {
  listenAddr: "127.0.0.1:0",
  advertiseAddr: "127.0.0.1",
  dataPathAddr: "",
  dataPathPort: 4789,
  defaultAddrPool: [],
  subnetSize: 24,
  forceNewCluster: false,
  availability: "active",
  spec: defaultClusterSpec({}),
};

describe("a node's membership", () => {
  let dataRoot: string;
  let engine: FakeEngine;
  const members: SwarmMember[] = [];

  const member = async (clock: Clock = systemClock) => {
    const events = new ClusterEventLog(systemClock, silentLogger);
    const started = new SwarmMember({
      dataRoot,
      engine,
      events,
      onBroken: (reason) => expect.fail(String(reason)),
      clock,
      logger: silentLogger,
    });
    members.push(started);
    await started.start();
    return started;
  };

  beforeEach(() => {
    dataRoot = mkdtempSync(join(tmpdir(), "skep-member-"));
    engine = new FakeEngine({ clock: systemClock });
  });

  afterEach(async () => {
    for (const started of members.splice(0)) await started.stop();
    rmSync(dataRoot, { recursive: true, force: true });
  });

  test("survives its daemon, and ends with a leave", async () => {
    const port = await freePort();
    const first = await member();
    const nodeId = await first.init({
      ...request,
      listenAddr: `127.0.0.1:${port}`,
      advertiseAddr: `127.0.0.1:${port}`,
    });
    expect(first.status()).toMatchObject({ state: "active", role: "manager", nodeId, nodeAddr: "127.0.0.1" });
    await expect(first.init(request)).rejects.toThrow("This node is already part of a swarm");
    await first.stop();

    const second = await member();
    expect(second.status()).toMatchObject({ state: "active", role: "manager", nodeId });
    await expect(second.leave(false)).rejects.toThrow(
      "Removing the last manager erases all current state of the swarm",
    );
    await second.leave(true);
    expect(second.status()).toEqual({ state: "inactive" });
    await expect(second.leave(true)).rejects.toThrow("This node is not part of a swarm");
    expect((await member()).status()).toEqual({ state: "inactive" });
  });

  test("is left in two steps when the engine is away in between, also across a restart", async () => {
    const port = await freePort();
    const first = await member();
    await first.init({ ...request, listenAddr: `127.0.0.1:${port}`, advertiseAddr: `127.0.0.1:${port}` });
    const list = engine.listContainers.bind(engine);
    engine.listContainers = () => Promise.reject(new EngineUnavailable("connect ENOENT"));
    await expect(first.leave(true)).rejects.toThrow(
      "this node's tasks could not be removed (connect ENOENT): see that its Docker Engine runs, then leave again",
    );
    await first.stop();
    const second = await member();
    expect(second.status()).toMatchObject({ state: "error" });
    engine.listContainers = list;
    await second.leave(true);
    expect(second.status()).toEqual({ state: "inactive" });
  });

  test("waits for what its control plane lacks at the start, and leaves without it", async () => {
    const port = await freePort();
    const first = await member();
    await first.init({ ...request, listenAddr: `127.0.0.1:${port}`, advertiseAddr: `127.0.0.1:${port}` });
    await first.stop();
    const occupant = createServer().listen(port, "127.0.0.1");
    await once(occupant, "listening");

    const hurried: Clock = { ...systemClock, after: (delayMs, call) => systemClock.after(delayMs / 20, call) };
    const second = await member(hurried);
    const busy = { state: "error", error: expect.stringContaining("EADDRINUSE") };
    expect(second.status()).toMatchObject(busy);
    expect(second.manager()).toBeUndefined();
    occupant.close();
    await vi.waitFor(() => expect(second.status()).toMatchObject({ state: "active", role: "manager" }), 10_000);
    expect(second.manager()).toBeDefined();
    await second.stop();

    occupant.listen(port, "127.0.0.1");
    await once(occupant, "listening");
    const third = await member(hurried);
    expect(third.status()).toMatchObject(busy);
    occupant.close();
    await third.leave(true);
    await third.stop();
    expect(third.status()).toEqual({ state: "inactive" });
    expect(third.manager()).toBeUndefined();
  });

  test("that cannot be written down is none", async () => {
    const port = await freePort();
    const at = { ...request, listenAddr: `127.0.0.1:${port}`, advertiseAddr: `127.0.0.1:${port}` };
    const outside = await member();
    const inTheWay = join(dataRoot, "swarm", "membership.json");
    mkdirSync(inTheWay, { recursive: true });
    await expect(outside.init(at)).rejects.toThrow(/^cannot write .*membership\.json/);
    expect(outside.status()).toEqual({ state: "inactive" });
    expect(outside.manager()).toBeUndefined();
    rmSync(inTheWay, { recursive: true });
    await outside.init(at);
    expect(outside.status()).toMatchObject({ state: "active" });
  });

  test("is refused while the engine is in swarm mode itself, and when the port is taken", async () => {
    const info = engine.info.bind(engine);
    const outside = await member();
    engine.info = async () => ({ ...(await info()), Swarm: { LocalNodeState: "active" } });
    await expect(outside.init(request)).rejects.toThrow("Docker Engine is in swarm mode itself (active)");
    engine.info = info;
    await expect(outside.init({ ...request, listenAddr: "203.0.113.9:2377" })).rejects.toThrow(
      "failed to listen on remote API address: listen tcp 203.0.113.9:2377: bind: EADDRNOTAVAIL",
    );
    expect(outside.status()).toEqual({ state: "inactive" });
  });
});
