import { serviceJson } from "../../service/index.ts";
import { type Answer, json } from "./answer.ts";
import { type ApiParts, wireOptions } from "./parts.ts";
import type { ApiRequest } from "./request.ts";

/** `services`: each service's state; with `type=routes` what another replica starts from. */
export function services(parts: ApiParts, { query }: ApiRequest): Answer {
  const { controller } = parts;
  if (query.get("type") === "routes") {
    const routes = [...controller.routesOf("http")].map(([name, route]) => [name, route.query]);
    return json(200, { routes: Object.fromEntries(routes) });
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
