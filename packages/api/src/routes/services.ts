import { createService, listServices, lookUp, removeService, serviceStatus, updateService } from "@skep/manager";
import { requireManager } from "../require-manager.ts";
import type { ApiRequest, Route } from "../router.ts";
import { parseFilters } from "../wire/filters.ts";
import { strictFlag, versionOf } from "../wire/query.ts";
import { renderService } from "../wire/render-service.ts";
import { parseServiceSpec } from "../wire/service-spec.ts";
import type { ClusterRouteOptions } from "./cluster.ts";

/** `swarm-api.md` section 5. */
export const serviceRoutes = ({ swarm, clock }: ClusterRouteOptions): readonly Route[] => [
  {
    method: "GET",
    path: "/services",
    handle({ query }) {
      const filters = parseFilters(query);
      const withStatus = strictFlag(query, "status");
      const reader = requireManager(swarm).store.view();
      const services = listServices(reader, filters).map((service) =>
        renderService(service, withStatus ? { status: serviceStatus(reader, service) } : {}),
      );
      return { status: 200, json: services };
    },
  },
  {
    method: "POST",
    path: "/services/create",
    async handle(request) {
      const spec = parseServiceSpec(await request.json());
      const { store, control } = requireManager(swarm);
      return { status: 201, json: { ID: await createService(store, spec, registryAuthOf(request), control) } };
    },
  },
  {
    method: "GET",
    path: "/services/{id}",
    handle({ params, query }) {
      const insertDefaults = strictFlag(query, "insertDefaults");
      const service = lookUp(requireManager(swarm).store.view(), "service", params.id ?? "");
      return { status: 200, json: renderService(service, { insertDefaults }) };
    },
  },
  {
    method: "POST",
    path: "/services/{id}/update",
    async handle(request) {
      const spec = parseServiceSpec(await request.json());
      const version = versionOf(request.query, "service");
      const registryAuth = registryAuthOf(request);
      const { store, control } = requireManager(swarm);
      const update = {
        service: request.params.id ?? "",
        version,
        spec,
        ...(registryAuth && { registryAuth }),
        registryAuthFrom: request.query.get("registryAuthFrom") ?? "",
        rollback: request.query.get("rollback") ?? "",
      };
      await updateService(store, clock, update, control);
      return { status: 200, json: { Warnings: null } };
    },
  },
  {
    method: "DELETE",
    path: "/services/{id}",
    async handle({ params }) {
      await removeService(requireManager(swarm).store, params.id ?? "");
      return { status: 200 };
    },
  },
];

function registryAuthOf({ headers }: ApiRequest): string | undefined {
  const header = headers["x-registry-auth"];
  return Array.isArray(header) ? header[0] : header;
}
