import { serviceJson } from "../../service/index.ts";
import { type Answer, json } from "./answer.ts";
import { type ApiParts, wireOptions } from "./parts.ts";
import type { ApiRequest } from "./request.ts";

const longestWaitSeconds = 30;

/**
 * `services`: each service's state. With `type=routes` what another replica needs to be like this one; with `after` and
 * `wait` as soon as that has another revision, or after so many seconds.
 */
export async function services(parts: ApiParts, { query }: ApiRequest): Promise<Answer> {
  const { controller, feed, clock } = parts;
  if (query.get("type") === "routes") {
    const seconds = Math.min(Number(query.get("wait")) || 0, longestWaitSeconds);
    const waited = Promise.withResolvers<void>();
    const cancel = clock.after(seconds * 1000, waited.resolve);
    const state = await feed.next(query.get("after") ?? "", waited.promise);
    cancel();
    return json(200, state);
  }
  const states = [...controller.states()].map(([ServiceName, route]) => ({
    ServiceName,
    State: route.state,
    Reason: "reason" in route ? route.reason : "",
    Origin: route.origin,
    PreviousVersionLive: route.state === "rejected" && route.instead,
    Paths: [...new Set(route.service.destinations.flatMap(({ servicePath }) => servicePath))],
    Domains: [...new Set(route.service.destinations.flatMap(({ serviceDomain }) => serviceDomain))],
  }));
  const bad = [...controller.problems].map(([ServiceName, { origin, reason }]) => ({
    ServiceName,
    State: "rejected",
    Reason: reason,
    Origin: origin,
    PreviousVersionLive: controller.states().has(ServiceName),
    Paths: [],
    Domains: [],
  }));
  const others = states.filter(({ ServiceName }) => !controller.problems.has(ServiceName));
  return json(200, { Status: "OK", Services: [...others, ...bad] });
}

/** `config?type=json`: the services that are live, as objects by name. */
export function liveServices(parts: ApiParts): Answer {
  const live = parts.controller
    .live()
    .map((service) => [service.serviceName, serviceJson(service, wireOptions(parts))]);
  return json(200, Object.fromEntries(live));
}
