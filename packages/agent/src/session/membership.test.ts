import { X509Certificate } from "node:crypto";
import { once } from "node:events";
import { createSecureServer } from "node:http2";
import { type AddressInfo, createServer } from "node:net";
import { createCsr, createRootCa } from "@skep/manager";
import { type NodeId, newJoinToken, systemClock } from "@skep/model";
import { expect, test } from "vitest";
import type { Identity } from "./identity.ts";
import { fetchRootCa, joinSwarm, leaveSwarm, renewIdentity } from "./membership.ts";
import { identityFor, rootCa, TestSwarm } from "./test-swarm.ts";

const n1 = "node-1" as NodeId;
const never = new AbortController().signal;

const join = async (addr: string, token: string) => joinSwarm({ addr, token, csr: await createCsr(), signal: never });

/** Something that answers every call as this identity, whatever it is. */
async function serveAs(identity: Identity) {
  const server = createSecureServer({ cert: identity.certPem, key: identity.keyPem });
  const calls: string[] = [];
  server.on("stream", (stream, headers) => {
    calls.push(`${headers[":method"]} ${headers[":path"]}`);
    stream.respond({ ":status": 200 });
    stream.end(JSON.stringify({ rootCaPem: identity.rootCaPem }));
    stream.resume();
  });
  server.on("sessionError", () => {});
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return { addr: `127.0.0.1:${port}`, calls, [Symbol.dispose]: () => server.close() };
}

test("a node joins with the worker token, and is a worker of that swarm", async () => {
  await using swarm = await TestSwarm.start();
  const csr = await createCsr();
  const identity = await joinSwarm({
    addr: swarm.addr,
    token: swarm.tokens.worker,
    csr,
    availability: "pause",
    advertiseAddr: "10.0.0.9",
    signal: never,
  });
  expect(identity).toMatchObject({
    clusterId: "cluster-1",
    role: "worker",
    keyPem: csr.keyPem,
    rootCaPem: (await rootCa).certPem,
  });
  expect(new X509Certificate(identity.certPem).subject).toBe(`O=cluster-1\nOU=swarm-worker\nCN=${identity.nodeId}`);
  expect(swarm.node(identity.nodeId)).toMatchObject({
    spec: { Availability: "pause" },
    status: { addr: "10.0.0.9" },
  });
});

test("a token of another form is no join token", async () => {
  await expect(join("127.0.0.1:1", "garbage")).rejects.toMatchObject({
    code: "internal",
    message: "invalid join token",
  });
});

test("a token of another swarm is refused here, before its secret is told to anybody", async () => {
  const other = await createRootCa(systemClock);
  using impostor = await serveAs(await identityFor(n1, "manager", other));
  const token = newJoinToken((await rootCa).certPem);
  await expect(join(impostor.addr, token)).rejects.toMatchObject({
    code: "internal",
    message: expect.stringMatching(/^remote CA does not match fingerprint. Expected: [0-9a-f]{64}$/),
  });
  expect(impostor.calls).toEqual(["GET /ca"]);
});

test("who merely repeats our root certificate is not told the secret either", async () => {
  const other = await createRootCa(systemClock);
  const { certPem } = await rootCa;
  using impostor = await serveAs({ ...(await identityFor(n1, "manager", other)), rootCaPem: certPem });
  await expect(join(impostor.addr, newJoinToken(certPem))).rejects.toThrow("authentication handshake failed");
  expect(impostor.calls).toEqual(["GET /ca"]);
});

test("a worker of the swarm cannot pose as its manager", async () => {
  using worker = await serveAs(await identityFor(n1, "worker"));
  await expect(join(worker.addr, newJoinToken((await rootCa).certPem))).rejects.toThrow(
    /authentication handshake failed: .*swarm-manager/,
  );
  expect(worker.calls).toEqual(["GET /ca"]);
});

test("a secret that is wrong or was rotated away is refused in docker's words", async () => {
  await using swarm = await TestSwarm.start();
  await expect(join(swarm.addr, newJoinToken((await rootCa).certPem))).rejects.toMatchObject({
    code: "invalid-parameter",
    message: "rpc error: code = InvalidArgument desc = A valid join token is necessary to join this cluster",
  });
});

test("the manager token is answered that a second manager is not available yet", async () => {
  await using swarm = await TestSwarm.start();
  await expect(join(swarm.addr, swarm.tokens.manager)).rejects.toMatchObject({ code: "not-implemented" });
});

test("an address where nobody listens is told of in docker's words", async () => {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  await expect(join(`127.0.0.1:${port}`, newJoinToken((await rootCa).certPem))).rejects.toMatchObject({
    code: "unavailable",
    message: `rpc error: code = Unavailable desc = connection error: desc = "transport: Error while dialing dial tcp 127.0.0.1:${port}: connect: connection refused"`,
  });
});

test("something that is no manager is told of as such, and does not hang", async () => {
  const server = createServer((socket) => socket.end("SSH-2.0-OpenSSH_9.2\r\n").on("error", () => {}));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  await expect(fetchRootCa(`127.0.0.1:${port}`, "", never)).rejects.toMatchObject({
    code: "unavailable",
    message: expect.stringContaining("authentication handshake failed"),
  });
  server.close();
});

test("a call that is given up ends at once", async () => {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const controller = new AbortController();
  const asking = fetchRootCa(`127.0.0.1:${port}`, "", controller.signal);
  const [socket] = await once(server, "connection");
  controller.abort(new Error("given up"));
  await expect(asking).rejects.toThrow("given up");
  socket.destroy();
  server.close();
});

test("a certificate is renewed by the first manager that answers", async () => {
  await using swarm = await TestSwarm.start(n1);
  const identity = await identityFor(n1);
  const csr = await createCsr();
  const renewed = await renewIdentity(["127.0.0.1:1", swarm.addr], identity, csr, never);
  expect(renewed).toMatchObject({ nodeId: n1, clusterId: "cluster-1", role: "worker", keyPem: csr.keyPem });
  expect(renewed.certPem).not.toBe(identity.certPem);
});

test("a removed node's certificate is not renewed", async () => {
  await using swarm = await TestSwarm.start();
  await expect(renewIdentity([swarm.addr], await identityFor(n1), await createCsr(), never)).rejects.toMatchObject({
    code: "forbidden",
    message: "node node-1 was removed from the swarm",
  });
});

test("a node that leaves is down at once", async () => {
  await using swarm = await TestSwarm.start(n1);
  await leaveSwarm([swarm.addr], await identityFor(n1), never);
  expect(swarm.node(n1)?.status.state).toBe("down");
});
