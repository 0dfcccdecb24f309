import { once } from "node:events";
import { mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import { Agent, request as httpRequest, type IncomingMessage } from "node:http";
import { request as httpsRequest } from "node:https";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect as connectTls } from "node:tls";
import { createCsr, createRootCa, issueCertificate } from "@skep/manager";
import { type Logger, newId, silentLogger, systemClock } from "@skep/model";
import { expect, test } from "vitest";
import { Facade } from "../test/facade.ts";
import { createApiServer } from "./api-server.ts";
import { ClusterEventLog } from "./cluster-event-log.ts";
import type { SwarmNode } from "./swarm-node.ts";

const notInSwarm = { status: () => ({ state: "inactive" }), manager: () => undefined } as unknown as SwarmNode;

function serverFor(engine: string, logger: Logger = silentLogger) {
  const events = new ClusterEventLog(systemClock, silentLogger);
  return createApiServer({ engine, swarm: notInSwarm, routes: [], events, clock: systemClock, logger });
}

async function certificates() {
  const ca = await createRootCa(systemClock);
  const issue = async () => {
    const { csrPem, keyPem } = await createCsr();
    const identity = { nodeId: newId<"node">(), clusterId: newId<"cluster">(), role: "manager" } as const;
    const cert = await issueCertificate({ ...identity, rootCa: ca, csrPem, expiryMs: 3.6e6, clock: systemClock });
    return { ca: ca.certPem, cert, key: keyPem };
  };
  return { server: await issue(), client: await issue() };
}

test("lets in over TLS who has a certificate of its CA, and nobody else", async () => {
  const { server: tls, client } = await certificates();
  const stranger = (await certificates()).client;
  await using facade = await Facade.start({ http: (_, response) => response.end("from the engine") });
  const server = serverFor(facade.engineSocketPath);
  const { port, hostname } = new URL(await server.listen({ host: "127.0.0.1", port: 0, tls }));
  const get = async (identity: object) => {
    const checkServerIdentity = () => undefined; // the certificate names no host
    const outgoing = httpsRequest({
      hostname,
      port,
      path: "/x",
      agent: false,
      ca: tls.ca,
      checkServerIdentity,
      ...identity,
    });
    const [response] = (await once(outgoing.end(), "response")) as [IncomingMessage];
    return Buffer.concat(await Array.fromAsync<Buffer>(response)).toString();
  };
  expect(await get({ cert: client.cert, key: client.key })).toBe("from the engine");
  await expect(get({})).rejects.toThrow(/certificate required|reset|hang up|alert/i);
  await expect(get({ cert: stranger.cert, key: stranger.key })).rejects.toThrow(/unknown ca|reset|hang up|alert/i);
  await server.close();
});

test.each(["TLSv1.2", "TLSv1.3"] as const)(
  "over %s a client that has said all it has to say still hears the answer",
  async (version) => {
    const { server: tls, client } = await certificates();
    const raw = (engine: Socket) => {
      engine.write("HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n");
      engine.on("end", () => setTimeout(() => engine.end("all of it"), 50)).resume();
    };
    await using facade = await Facade.start({ raw });
    const server = serverFor(facade.engineSocketPath);
    const { port, hostname } = new URL(await server.listen({ host: "127.0.0.1", port: 0, tls }));
    const limits = { minVersion: version, maxVersion: version, checkServerIdentity: () => undefined };
    const socket = connectTls({ host: hostname, port: Number(port), ...client, ...limits });
    socket.end("POST /containers/x/attach HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n");
    expect(Buffer.concat(await Array.fromAsync<Buffer>(socket)).toString()).toMatch(/^HTTP\/1.1 101 [\s\S]*all of it$/);
    await server.close();
  },
);

test("warns of a port that is open to everybody", async () => {
  const warnings: string[] = [];
  await using facade = await Facade.start();
  const server = serverFor(facade.engineSocketPath, { ...silentLogger, warn: (_, message) => warnings.push(message) });
  const address = new URL(await server.listen({ host: "127.0.0.1", port: 0 }));
  const outgoing = httpRequest({ hostname: address.hostname, port: address.port, path: "/_ping", agent: false }).end();
  expect((await once(outgoing, "response"))[0].statusCode).toBe(200);
  expect(warnings).toEqual([expect.stringContaining("open to anyone")]);
  await server.close();
});

test("takes a socket over from a dead process, not from a living one", async () => {
  const folder = await mkdtemp(join(tmpdir(), "skep-listener-"));
  const socketPath = join(folder, "api.sock");
  await writeFile(socketPath, "");
  const first = serverFor("/nonexistent");
  expect(await first.listen({ socketPath })).toBe(`unix://${socketPath}`);
  expect((await stat(socketPath)).mode & 0o777).toBe(0o660);
  const second = serverFor("/nonexistent");
  await expect(second.listen({ socketPath })).rejects.toThrow(`${socketPath} is in use by another process`);
  await second.close();
  await first.close();
  await rm(folder, { recursive: true });
});

test("closes at once when only idle connections, silent ones and tunnels are open", async () => {
  const facade = await Facade.start({
    http: (_, response) => response.end(),
    routes: [{ method: "GET", path: "/services", handle: () => ({ status: 200, json: [] }) }],
  });
  const agent = new Agent({ keepAlive: true });
  const outgoing = httpRequest({ socketPath: facade.socketPath, agent, path: "/services" }).end();
  const [response] = (await once(outgoing, "response")) as [IncomingMessage];
  response.resume();
  await once(response, "end");
  const silent = connect(facade.socketPath);
  await once(silent, "connect");
  const gone = once(silent, "close");
  const start = performance.now();
  await facade[Symbol.asyncDispose]();
  await gone;
  expect(performance.now() - start).toBeLessThan(400);
  agent.destroy();
});
