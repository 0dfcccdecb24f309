import { once } from "node:events";
import { createServer, type IncomingMessage, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { parseBlock, silentLogger } from "@skep/model";
import { FakeClock } from "@skep/testkit";
import { afterEach, expect, test } from "vitest";
import { Peers, type PeersOptions } from "./peers.ts";

const cleanups: (() => void)[] = [];
afterEach(() => {
  for (const cleanup of cleanups.splice(0)) cleanup();
});

/** This replica, and the others in their order, all on one port; 127.0.0.0/24 is their network. */
const own = "127.0.0.10";
const others = ["127.0.0.11", "127.0.0.12"];
const stranger = "203.0.113.9";

interface Options extends Partial<PeersOptions> {
  readonly found?: readonly string[];
}

/** Replicas that note what they are asked; `answer` is theirs. */
async function startPeers(answer: RequestListener, { found = [own, ...others], ...more }: Options = {}) {
  const asked: string[] = [];
  const clock = new FakeClock();
  let port = 0;
  for (const address of others) {
    const server = createServer(async (request, response) => {
      asked.push(`${address} ${request.method} ${request.url} ${await textOf(request)}`.trim());
      answer(request, response);
    });
    server.listen(port, address);
    await once(server, "listening");
    port = (server.address() as AddressInfo).port;
    cleanups.push(() => {
      server.closeAllConnections();
      server.close();
    });
  }
  const networks = () => ({
    addresses: new Set([own]),
    subnets: [parseBlock("127.0.0.0/24")].flatMap((block) => block ?? []),
  });
  const lookUp = async (name: string) => (name === "tasks.proxy" ? found : []);
  const peers = new Peers({ serviceName: "proxy", port, lookUp, clock, log: silentLogger, networks, ...more });
  return { peers, asked, clock };
}

async function textOf(request: IncomingMessage): Promise<string> {
  let text = "";
  for await (const chunk of request) text += chunk;
  return text;
}

const ok: RequestListener = (_, response) => response.end("{}");
const reconfigure = (query = "serviceName=web&distribute=true&servicePath=%2Fa%20b") => ({
  method: "GET",
  path: "/v1/docker-flow-proxy/reconfigure",
  query: new URLSearchParams(query),
});

test("sends the same request to each other replica, which shall not pass it on", async () => {
  const { peers, asked } = await startPeers(ok);
  await peers.distribute(reconfigure());
  const line = "GET /v1/docker-flow-proxy/reconfigure?serviceName=web&distribute=false&servicePath=%2Fa+b";
  expect(asked.sort()).toEqual(others.map((address) => `${address} ${line}`));
});

test("method, body and token go along", async () => {
  const headers: unknown[] = [];
  const { peers, asked } = await startPeers(
    (request, response) => {
      headers.push(`${request.headers.authorization} ${request.headers["content-type"]}`);
      response.end();
    },
    { headers: { Authorization: "Bearer t0k3n" } },
  );
  const body = new TextEncoder().encode("-----BEGIN");
  const query = new URLSearchParams({ certName: "a.pem" });
  await peers.distribute({ method: "PUT", path: "/v1/docker-flow-proxy/cert", query, body, contentType: "text/plain" });
  expect(asked.sort()[0]).toBe(`127.0.0.11 PUT /v1/docker-flow-proxy/cert?certName=a.pem&distribute=false -----BEGIN`);
  expect(headers).toEqual(["Bearer t0k3n text/plain", "Bearer t0k3n text/plain"]);
});

test("gives the replicas' answers by address", async () => {
  const { peers } = await startPeers((_, response) => response.end("pxname,svname"));
  expect(await peers.distribute(reconfigure())).toEqual(new Map(others.map((address) => [address, "pxname,svname"])));
});

test("a replica alone has nobody to send to", async () => {
  const { peers, asked } = await startPeers(ok, { found: [own] });
  expect(await peers.distribute(reconfigure())).toEqual(new Map());
  expect(asked).toEqual([]);
});

test("strangers that a name server makes up are not asked", async () => {
  const { peers } = await startPeers(ok, { found: [own, stranger, ...others] });
  expect(await peers.addresses()).toEqual(others);
  const { peers: lost } = await startPeers(ok, { found: [stranger] });
  await expect(lost.distribute(reconfigure())).rejects.toThrow("Could not find any task of the service proxy");
});

test("tells whether DNS knows this replica too", async () => {
  const { peers } = await startPeers(ok);
  expect(await peers.find()).toEqual({ others, isFound: true });
  const { peers: starting } = await startPeers(ok, { found: others });
  expect(await starting.find()).toEqual({ others, isFound: false });
});

test("without DNS the message names what was looked up and SERVICE_NAME", async () => {
  const { peers } = await startPeers(ok, { lookUp: () => Promise.reject(new Error("queryA ECONNREFUSED")) });
  await expect(peers.distribute(reconfigure())).rejects.toThrow(
    "Could not perform DNS lookup for tasks.proxy. Is the environment variable SERVICE_NAME the name",
  );
});

test("without any address the message names the service and SERVICE_NAME", async () => {
  const { peers } = await startPeers(ok, { found: [] });
  await expect(peers.distribute(reconfigure())).rejects.toThrow(
    /service proxy by the name tasks.proxy. Is the environment variable SERVICE_NAME/,
  );
});

test("names the replicas that failed; the others have the request", async () => {
  const { peers, asked } = await startPeers((request, response) => {
    response.writeHead(request.socket.localAddress === others[0] ? 500 : 200).end();
  });
  await expect(peers.distribute(reconfigure())).rejects.toThrow(
    "Could not send distribute request to the following addresses: [127.0.0.11]",
  );
  expect(asked).toHaveLength(2);
});

test("a replica that is gone fails, and all failures are named together", async () => {
  const { peers } = await startPeers((_, response) => response.writeHead(300).end(), {
    found: [...others, "127.0.0.13"],
  });
  await expect(peers.distribute(reconfigure())).rejects.toThrow("addresses: [127.0.0.11 127.0.0.12 127.0.0.13]");
});

test("a replica that does not answer within 5 s has failed", async () => {
  const { peers, clock, asked } = await startPeers((request, response) => {
    if (request.socket.localAddress === others[0]) response.end();
  });
  const distributed = expect(peers.distribute(reconfigure())).rejects.toThrow("addresses: [127.0.0.12]");
  await expect.poll(() => asked).toHaveLength(2);
  await expect.poll(() => clock.pending).toBe(1);
  clock.advance(5000);
  await distributed;
  expect(clock.pending).toBe(0);
});
