import { X509Certificate } from "node:crypto";
import { once } from "node:events";
import { connect as connectTcp } from "node:net";
import { type ClusterId, type NodeId, newJoinToken, systemClock } from "@skep/model";
import { expect, test } from "vitest";
import { createCsr } from "../ca/create-csr.ts";
import { identityOf } from "../ca/node-identity.ts";
import { createRootCa } from "../ca/root-ca.ts";
import { TestSwarm } from "./test-swarm.ts";

const n1 = "node-1" as NodeId;
const start = () => TestSwarm.start({ nodes: [n1] });
const badToken = "rpc error: code = InvalidArgument desc = A valid join token is necessary to join this cluster";

test("anybody is told the root certificate", async () => {
  await using swarm = await start();
  expect(await swarm.call("GET", "/ca")).toEqual([200, { rootCaPem: swarm.rootCa.certPem }]);
});

test("with the worker token a node becomes a worker", async () => {
  await using swarm = await start();
  const { csrPem } = await createCsr();
  const [status, answer] = await swarm.call("POST", "/join", {
    token: swarm.workerToken,
    csrPem,
    availability: "drain",
    advertiseAddr: "10.1.2.3:2377",
  });
  expect(status).toBe(200);
  expect(answer).toMatchObject({ clusterId: "cluster-1", role: "worker", rootCaPem: swarm.rootCa.certPem });
  expect(identityOf(answer.certPem ?? "")).toEqual({
    nodeId: answer.nodeId,
    role: "worker",
    clusterId: "cluster-1",
  });
  expect(swarm.node(answer.nodeId as NodeId)).toMatchObject({
    spec: { Role: "worker", Availability: "drain" },
    status: { state: "unknown", addr: "10.1.2.3" },
  });
});

test("without an address of its own a node has the one it is seen with", async () => {
  await using swarm = await start();
  const { csrPem } = await createCsr();
  const [, answer] = await swarm.call("POST", "/join", { token: swarm.workerToken, csrPem });
  expect(swarm.node(answer.nodeId as NodeId)).toMatchObject({
    spec: { Availability: "active" },
    status: { addr: "127.0.0.1" },
  });
});

test("a wrong, missing or rotated token admits nobody", async () => {
  await using swarm = await start();
  const { csrPem } = await createCsr();
  const wrong = `${swarm.workerToken.slice(0, -1)}${swarm.workerToken.endsWith("0") ? "1" : "0"}`;
  for (const token of [wrong, undefined, 7, ""])
    expect(await swarm.call("POST", "/join", { token, csrPem })).toEqual([
      400,
      { code: "invalid-parameter", message: badToken },
    ]);
  const joinTokens = { worker: newJoinToken(swarm.rootCa.certPem), manager: newJoinToken(swarm.rootCa.certPem) };
  await swarm.change("cluster", "cluster-1", (cluster: object) => ({ ...cluster, joinTokens }));
  expect((await swarm.call("POST", "/join", { token: swarm.workerToken, csrPem }))[0]).toBe(400);
  expect((await swarm.call("POST", "/join", { token: joinTokens.worker, csrPem }))[0]).toBe(200);
  expect(swarm.store.view().count("node")).toBe(2);
});

test("the manager token is answered that a second manager is not available yet", async () => {
  await using swarm = await start();
  const { csrPem } = await createCsr();
  const [status, answer] = await swarm.call("POST", "/join", { token: swarm.cluster.joinTokens.manager, csrPem });
  expect([status, answer.code]).toEqual([501, "not-implemented"]);
  expect(answer.message).toContain("joining as a second manager is not available yet in this version of skep");
});

test("a join that asks for nonsense leaves no node behind", async () => {
  await using swarm = await start();
  const { csrPem } = await createCsr();
  const token = swarm.workerToken;
  const ask = async (body: unknown) => {
    const [status, { message }] = await swarm.call("POST", "/join", body);
    return `${status} ${message}`;
  };
  expect(await ask({ token, csrPem: "x" })).toBe(
    "400 rpc error: code = InvalidArgument desc = certificate request is not valid",
  );
  expect(await ask({ token, csrPem, availability: "foo" })).toBe(
    '400 rpc error: code = InvalidArgument desc = invalid Availability: "foo"',
  );
  expect(await ask("{")).toBe("400 request body is no JSON");
  expect(await ask("[]")).toBe("400 request body is no JSON object");
  expect(await ask({ token, csrPem: "x".repeat(100_000) })).toBe("400 request body is too large");
  expect(swarm.store.view().count("node")).toBe(1);
});

test("a node renews its certificate and stays who it is, with the role it should have", async () => {
  await using swarm = await start();
  const { csrPem } = await createCsr();
  const [status, answer] = await swarm.call(
    "POST",
    "/renew",
    { csrPem },
    await swarm.certificate(n1, { role: "manager" }),
  );
  expect(status).toBe(200);
  expect(identityOf(answer.certPem ?? "")).toEqual({ nodeId: n1, role: "worker", clusterId: "cluster-1" });
});

test("certificates live as long as the swarm's spec says", async () => {
  await using swarm = await TestSwarm.start({
    nodes: [n1],
    cluster: { spec: { CAConfig: { NodeCertExpiry: 2 * 3600e9 } } },
  });
  const { csrPem } = await createCsr();
  const [, { certPem }] = await swarm.call("POST", "/join", { token: swarm.workerToken, csrPem });
  const { validFromDate, validToDate } = new X509Certificate(certPem ?? "");
  expect((validToDate.getTime() - validFromDate.getTime()) / 3600e3).toBeCloseTo(3, 2);
});

test("what needs a node's certificate is refused to everybody else", async () => {
  await using swarm = await start();
  const other = await createRootCa(systemClock);
  const forged = await swarm.certificate(n1, { rootCa: other });
  const foreign = await swarm.certificate(n1, { clusterId: "cluster-2" as ClusterId });
  const removed = await swarm.certificate("node-9" as NodeId);
  for (const path of ["/renew", "/session", "/leave", "/logs/x"]) {
    const refusal = async (certificate?: Parameters<typeof swarm.call>[3]) => {
      const [status, { code, message }] = await swarm.call("POST", path, {}, certificate);
      return `${status} ${code} ${message}`;
    };
    expect(await refusal()).toBe("401 unauthorized a certificate of this swarm is needed");
    expect(await refusal(forged)).toBe("401 unauthorized a certificate of this swarm is needed");
    expect(await refusal(foreign)).toBe("403 forbidden the certificate is of swarm cluster-2, this is cluster-1");
    expect(await refusal(removed)).toBe("403 forbidden node node-9 was removed from the swarm");
  }
});

test("a blocked node is refused although it is still listed", async () => {
  await using swarm = await TestSwarm.start({
    nodes: [n1],
    cluster: { blockedNodes: { [n1]: "2030-01-01T00:00:00Z" } },
  });
  const [status, { message }] = await swarm.call("POST", "/session", {}, await swarm.certificate(n1));
  expect([status, message]).toEqual([403, "node node-1 was removed from the swarm"]);
});

test("a node that leaves is down at once", async () => {
  await using swarm = await start();
  const agent = await swarm.agent(n1);
  await agent.next("assignments");
  expect(swarm.node(n1)?.status.state).toBe("ready");
  expect(await swarm.call("POST", "/leave", {}, await swarm.certificate(n1))).toEqual([200, {}]);
  expect(swarm.node(n1)?.status.state).toBe("down");
  expect((await agent.next("end")).reason).toBe("the node has left the swarm");
});

test("an unknown call is not found", async () => {
  await using swarm = await start();
  expect((await swarm.call("GET", "/nothing"))[0]).toBe(404);
});

test("bytes that are no TLS, and TLS that is no HTTP/2, do no harm", async () => {
  await using swarm = await start();
  const socket = connectTcp(swarm.port, "127.0.0.1");
  socket.on("error", () => {});
  socket.end(Buffer.alloc(4096, "\0ÿgarbage"));
  await once(socket.resume(), "close");
  const { connect: connectTls } = await import("node:tls");
  const http1 = connectTls({ port: swarm.port, host: "127.0.0.1", rejectUnauthorized: false });
  http1.on("error", () => {});
  http1.write("GET /ca HTTP/1.1\r\nhost: x\r\n\r\n");
  await once(http1.resume(), "close");
  const http2 = connectTls({ port: swarm.port, host: "127.0.0.1", rejectUnauthorized: false, ALPNProtocols: ["h2"] });
  http2.on("error", () => {});
  http2.write(Buffer.alloc(4096, "PRI * garbage"));
  await once(http2.resume(), "close");
  expect((await swarm.call("GET", "/ca"))[0]).toBe(200);
});

test("a new server certificate is used without a restart", async () => {
  await using swarm = await start();
  const served = async () => {
    const connection = swarm.connect();
    await once(connection, "connect");
    const { socket } = connection as unknown as { socket: import("node:tls").TLSSocket };
    return socket.getPeerX509Certificate()?.serialNumber;
  };
  const before = await served();
  const renewed = await swarm.certificate("manager-1" as NodeId, { role: "manager" });
  swarm.dispatcher.updateCertificate(renewed);
  expect(await served()).toBe(new X509Certificate(renewed.certPem).serialNumber);
  expect(before).not.toBe(new X509Certificate(renewed.certPem).serialNumber);
});

test("an address that is taken is told of, and nothing stays behind", async () => {
  await using swarm = await start();
  const { Dispatcher } = await import("./dispatcher.ts");
  const { silentLogger } = await import("@skep/model");
  const second = new Dispatcher({ store: swarm.store, clock: systemClock, logger: silentLogger });
  const certificate = await swarm.certificate("manager-1" as NodeId, { role: "manager" });
  await expect(second.listen({ host: "127.0.0.1", port: swarm.port }, certificate)).rejects.toThrow("EADDRINUSE");
});
