import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { silentLogger, systemClock } from "@skep/model";
import { afterEach, expect, test } from "vitest";
import type { Controller } from "./controller.ts";
import { followPeers } from "./follow-peers.ts";
import type { SharedState } from "./route-feed.ts";
import type { Route } from "./route-table.ts";
import { SharedView } from "./shared-view.ts";

let server: Server | undefined;
let ended = new AbortController();
afterEach(() => {
  ended.abort();
  ended = new AbortController();
  server?.closeAllConnections();
  server?.close();
});

/** The other replica, as it tells of itself. */
async function peer(state: SharedState): Promise<number> {
  server = createServer((_, response) => response.end(JSON.stringify(state))).listen(0, "127.0.0.1");
  await new Promise((resolve) => server?.once("listening", resolve));
  return (server.address() as AddressInfo).port;
}

/** What a replica that sees the swarm has by HTTP, once it has taken over what the other has. */
async function takenOver(state: Partial<SharedState>): Promise<string[]> {
  const taken = new Map<string, Route>();
  const controller = {
    routesOf: () => taken,
    set: async (_: string, route: Route) => void taken.set(route.service.serviceName, route),
    remove: async (_: string, name: string) => void taken.delete(name),
  } as unknown as Controller;
  const routeOf = (query: string) =>
    ({ query, service: { serviceName: query.replace(/^.*=/, "") } }) as unknown as Route;
  const port = await peer({ revision: "1", managed: false, routes: {}, swarm: {}, ...state });
  await new Promise<void>((tookOver) => {
    void followPeers(
      {
        ...{ peers: { addresses: async () => ["127.0.0.1"] }, port, token: undefined, controller, routeOf },
        view: new SharedView({ controller, routeOf, log: silentLogger }),
        ...{ isManaged: () => true, tookOver, told: () => {}, clock: systemClock, log: silentLogger },
      },
      ended.signal,
    );
  });
  return [...taken.keys()];
}

test("a replica that sees the swarm takes over what others have that do not see it", async () => {
  expect(await takenOver({ routes: { a: "serviceName=a", b: "serviceName=b" } })).toEqual(["a", "b"]);
});

test("a replica that sees the swarm believes the swarm where another sees it too", async () => {
  expect(await takenOver({ managed: true, routes: { a: "serviceName=a" } })).toEqual([]);
});
