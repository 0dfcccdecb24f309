import { listTasks, lookUp } from "@skep/manager";
import { requireManager } from "../require-manager.ts";
import type { Route } from "../router.ts";
import { parseFilters } from "../wire/filters.ts";
import { renderTask } from "../wire/render-task.ts";
import type { ClusterRouteOptions } from "./cluster.ts";

/** `swarm-api.md` section 6. */
export const taskRoutes = ({ swarm }: ClusterRouteOptions): readonly Route[] => [
  {
    method: "GET",
    path: "/tasks",
    handle({ query }) {
      const filters = parseFilters(query);
      const reader = requireManager(swarm).store.view();
      return { status: 200, json: listTasks(reader, filters).map((task) => renderTask(task, reader)) };
    },
  },
  {
    method: "GET",
    path: "/tasks/{id}",
    handle({ params }) {
      const reader = requireManager(swarm).store.view();
      return { status: 200, json: renderTask(lookUp(reader, "task", params.id ?? ""), reader) };
    },
  },
];
