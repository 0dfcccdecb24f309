import { silentLogger, systemClock } from "@skep/model";
import { afterEach } from "vitest";
import { SharedRoutes, type SharedRoutesOptions } from "./shared-routes.ts";
import { SwarmClient } from "./swarm-client.ts";
import { watchSwarmServices } from "./swarm-services.ts";
import { TestSwarm } from "./test-swarm.ts";

const cleanups: (() => Promise<void> | void)[] = [];
afterEach(cleanUp);

/** Ends all replicas and swarms; done by itself after each test. */
export async function cleanUp(): Promise<void> {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
}

/** A swarm with the proxy as a service. */
export async function startSwarm(): Promise<TestSwarm> {
  const swarm = await TestSwarm.start();
  cleanups.push(() => swarm[Symbol.asyncDispose]());
  swarm.put("proxy", { team: "edge" });
  return swarm;
}

/** A replica of the proxy: it follows its service, and keeps a count of what changed. */
export function startReplica(swarm: TestSwarm, more: Partial<SharedRoutesOptions> = {}) {
  const client = new SwarmClient(swarm.target);
  const options = { serviceName: "proxy", clock: systemClock, log: silentLogger, ...more };
  const shared = new SharedRoutes(client, options);
  const ending = new AbortController();
  const state = { changes: 0 };
  const ended = (async () => {
    const watched = { ...options, ownServiceName: "proxy" };
    for await (const { own } of watchSwarmServices(client, watched, ending.signal)) {
      if (shared.observe(own)) state.changes++;
    }
  })();
  cleanups.push(async () => {
    ending.abort();
    await ended;
    await shared[Symbol.asyncDispose]();
    client[Symbol.dispose]();
  });
  return { shared, state, routes: () => Object.fromEntries(shared.routes) };
}
