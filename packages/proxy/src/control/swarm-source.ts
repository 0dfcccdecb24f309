import { type Clock, type Logger, pause } from "@skep/model";
import { ParameterError } from "../service/index.ts";
import {
  createParameters,
  type SharedRoutes,
  type SwarmClient,
  type SwarmService,
  type SwarmServices,
  watchSwarmServices,
} from "../sources/index.ts";
import type { Controller } from "./controller.ts";
import type { Route } from "./route-table.ts";
import type { SharedView } from "./shared-view.ts";

export interface SwarmSourceParts {
  readonly client: SwarmClient;
  readonly controller: Controller;
  readonly shared: SharedRoutes;
  readonly view: SharedView;
  /** Throws ParameterError. */
  readonly routeOf: (parameters: URLSearchParams) => Route;
  readonly notifyLabel: string;
  readonly namePrefix: string;
  /** Whether events are followed; else services are listed at intervals. */
  readonly events: boolean;
  readonly comparisonMs: number;
  readonly ownServiceName: string;
  /** Something about this service has changed, so its tasks may have. */
  readonly stirred: (serviceName: string) => void;
  /** Called with every snapshot, and with undefined when the swarm cannot be asked. */
  readonly seen: (snapshot: SwarmServices | undefined) => void;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Follows the swarm: routes from services' labels, and those that all replicas share. Until `signal` aborts. */
export async function followSwarm(parts: SwarmSourceParts, signal: AbortSignal): Promise<void> {
  const { client, clock, log, notifyLabel, ownServiceName, events, comparisonMs } = parts;
  const onProblem = (problem: Error | undefined) => void (problem && parts.seen(undefined));
  const options = { clock, log, notifyLabel, ownServiceName, events, comparisonMs, onProblem };
  const versions = new Map<string, number>();
  while (!signal.aborted) {
    for await (const snapshot of watchSwarmServices(client, options, signal)) {
      takeIn(parts, snapshot, versions);
      parts.seen(snapshot);
    }
    await pause(clock, comparisonMs, signal);
  }
}

function takeIn(parts: SwarmSourceParts, { services, own }: SwarmServices, versions: Map<string, number>): void {
  const { controller, shared, view, stirred } = parts;
  const problems = new Map<string, string>();
  const routes = services.flatMap((service) => {
    const { route, problem } = readRoute(parts, service);
    if (problem !== undefined) problems.set(service.name, problem);
    return route ?? [];
  });
  controller.replaceAll("swarm", routes, problems).catch(() => {}); // it is tried again
  if (shared.observe(own)) view.follow(shared.routes);
  for (const { id, name, version } of services) {
    if (versions.get(id) !== version) stirred(name);
    versions.set(id, version);
  }
}

/** Labels that cannot be used leave the route as it was. */
function readRoute(parts: SwarmSourceParts, service: SwarmService): { route?: Route | undefined; problem?: string } {
  const parameters = createParameters(service, parts);
  try {
    return { route: parts.routeOf(new URLSearchParams(parameters)) };
  } catch (error) {
    if (!(error instanceof ParameterError)) throw error;
    const name = parameters.serviceName ?? service.name;
    return { route: parts.controller.routesOf("swarm").get(name), problem: error.message };
  }
}
