import { listNodes, lookUp, removeNode, updateNode } from "@skep/manager";
import { requireManager } from "../require-manager.ts";
import type { Route } from "../router.ts";
import { parseFilters } from "../wire/filters.ts";
import { parseNodeSpec } from "../wire/node-spec.ts";
import { lenientFlag, versionOf } from "../wire/query.ts";
import { renderNode } from "../wire/render-node.ts";
import type { ClusterRouteOptions } from "./cluster.ts";

/** `swarm-api.md` section 4. */
export const nodeRoutes = ({ swarm, clock }: ClusterRouteOptions): readonly Route[] => [
  {
    method: "GET",
    path: "/nodes",
    handle({ query }) {
      const filters = parseFilters(query);
      const nodes = listNodes(requireManager(swarm).store.view(), filters);
      return { status: 200, json: nodes.map(renderNode) };
    },
  },
  {
    method: "GET",
    path: "/nodes/{id}",
    handle({ params }) {
      const node = lookUp(requireManager(swarm).store.view(), "node", params.id ?? "");
      return { status: 200, json: renderNode(node) };
    },
  },
  {
    method: "POST",
    path: "/nodes/{id}/update",
    async handle(request) {
      const { params, query } = request;
      const spec = parseNodeSpec(await request.json());
      const version = versionOf(query, "node");
      await updateNode(requireManager(swarm).store, params.id ?? "", version, spec);
      return { status: 200 };
    },
  },
  {
    method: "DELETE",
    path: "/nodes/{id}",
    async handle({ params, query }) {
      const { store } = requireManager(swarm);
      await removeNode(store, clock, params.id ?? "", lenientFlag(query, "force"));
      return { status: 200 };
    },
  },
];
