import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { silentLogger, systemClock } from "@skep/model";
import { afterEach, expect } from "vitest";
import { SwarmClient } from "../swarm/swarm-client.ts";
import type { TaskObject } from "../swarm/swarm-objects.ts";
import { TestSwarm } from "../swarm/test-swarm.ts";
import { listenerRoutes } from "./listener-routes.ts";
import { type ListenerSettings, parseListenerSettings } from "./listener-settings.ts";
import { SwarmListener } from "./swarm-listener.ts";
import { TestTarget } from "./test-target.ts";

const cleanups: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** Labels of a service that asks to be seen. */
export const seen = { "com.df.notify": "true", "com.df.port": "8080" };
/** And to be waited for. */
export const scraped = { ...seen, "com.df.scrapeNetwork": "monitor" };

export async function startSwarm(): Promise<TestSwarm> {
  const swarm = await TestSwarm.start();
  cleanups.push(() => swarm[Symbol.asyncDispose]());
  swarm.putNode("node-1");
  return swarm;
}

export async function startTarget(): Promise<TestTarget> {
  const target = await TestTarget.start();
  cleanups.push(() => target[Symbol.dispose]());
  return target;
}

/** A listener that tells `target` of services, and its API. */
export async function startListener(
  swarm: TestSwarm,
  target: TestTarget | undefined,
  more: Partial<ListenerSettings> = {},
) {
  const client = new SwarmClient(swarm.target);
  const serviceEndpoints = target ? [target.endpoint] : [];
  const settings = { ...parseListenerSettings({}), serviceEndpoints, retryIntervalMs: 20, ...more };
  const listener = new SwarmListener(client, settings, { clock: systemClock, log: silentLogger });
  const ending = new AbortController();
  const running = listener.run(ending.signal);
  const server = createServer(listenerRoutes(listener)).listen(0, "127.0.0.1");
  await once(server, "listening");
  cleanups.push(async () => {
    ending.abort();
    await running;
    server.closeAllConnections();
    server.close();
    client[Symbol.dispose]();
  });
  const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const get = async (path: string, method = "GET") => {
    const response = await fetch(`${base}${path}`, { method });
    const text = await response.text();
    return { status: response.status, type: response.headers.get("content-type"), text };
  };
  const call = (name: string, method?: string) => get(`/v1/docker-flow-swarm-listener/${name}`, method);
  return { listener, get, call };
}

/** The only task of a service, on node-1 and the network `monitor`. */
export const task = (service: string, state = "running"): TaskObject => ({
  ...{ ID: `task-${service}`, ServiceID: `id-${service}`, NodeID: "id-node-1", Slot: 1, DesiredState: "running" },
  Status: { State: state },
  NetworksAttachments: [{ Network: { Spec: { Name: "monitor" } }, Addresses: ["10.0.1.3/24"] }],
});

/** The listener has the swarm's events of services and of nodes. */
export const following = (swarm: TestSwarm) => expect.poll(() => swarm.followers).toBe(2);
