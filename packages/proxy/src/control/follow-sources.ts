import type { Clock, Logger } from "@skep/model";
import { ParameterError, type ParseContext, servicesOfEnvironment } from "../service/index.ts";
import type { Settings } from "../settings/index.ts";
import { type Parameters, type ServiceObject, type SwarmClient, watchListeners } from "../sources/index.ts";
import type { Controller } from "./controller.ts";
import type { Route } from "./route-table.ts";

/** Services that the environment defines; bad ones are left out and told. */
export function takeInEnvironment(
  controller: Controller,
  env: Readonly<Record<string, string | undefined>>,
  context: ParseContext,
): void {
  const { services, problems } = servicesOfEnvironment(env, context);
  const routes = services.map(
    (service): Route => ({ service, query: JSON.stringify({ ...service, serviceCert: "" }) }),
  );
  const reasons = new Map(problems.map(({ serviceName, message }) => [serviceName, message]));
  controller.replaceAll("environment", routes, reasons).catch(() => {}); // it is tried again
}

export interface FollowParts {
  readonly controller: Controller;
  /** Throws ParameterError. */
  readonly routeOf: (parameters: URLSearchParams) => Route;
  readonly settings: Settings;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Listeners leave out a stack's name (`com.df.shortName`), or put a prefix in front (`DF_SERVICE_NAME_PREFIX`). */
const isOfSwarm = (services: readonly ServiceObject[], name: string): boolean =>
  services.some(({ Spec }) => Spec.Name === name || Spec.Name.endsWith(`_${name}`) || name.endsWith(`_${Spec.Name}`));

/** All that are asked about at once share one list of the swarm's services. */
function existsInSwarm(client: SwarmClient, signal: AbortSignal): (parameters: Parameters) => Promise<boolean> {
  let asking: Promise<readonly ServiceObject[]> | undefined;
  return async ({ serviceName = "" }) => {
    asking ??= client.services({}, signal).finally(() => {
      asking = undefined;
    });
    return isOfSwarm(await asking, serviceName);
  };
}

/** Follows the swarm listeners of LISTENER_ADDRESS; `told` after each answer. Until `signal` aborts. */
export async function followListeners(
  { controller, routeOf, settings, clock, log }: FollowParts,
  client: SwarmClient | undefined,
  told: () => void,
  signal: AbortSignal,
): Promise<void> {
  const { fetchIntervalMs: intervalMs, fetchAttempts: attempts, repeatFetch: repeat } = settings.reload;
  const exists = client && existsInSwarm(client, signal);
  const options = { addresses: settings.instance.listeners, intervalMs, attempts, repeat, clock, log, exists };
  for await (const services of watchListeners(options, signal)) {
    const problems = new Map<string, string>();
    const routes = [...services].flatMap(([name, parameters]) => {
      try {
        return [routeOf(new URLSearchParams(parameters))];
      } catch (error) {
        if (!(error instanceof ParameterError)) throw error;
        problems.set(name, error.message);
        return controller.routesOf("listener").get(name) ?? [];
      }
    });
    controller.replaceAll("listener", routes, problems).catch(() => {}); // it is tried again
    told();
  }
}
