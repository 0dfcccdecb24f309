import { DomainError } from "@skep/model";
import { requireManager } from "../require-manager.ts";
import type { ApiRequest, Route } from "../router.ts";
import type { MergeContext } from "./merge-context.ts";

/** Swarm-scoped routes that a later version will answer: nothing half-working until then. */
export function notYetRoutes(context: MergeContext): Route[] {
  return [...objectRoutes(context, "secrets"), ...objectRoutes(context, "configs")];
}

function objectRoutes({ swarm }: MergeContext, kind: "secrets" | "configs"): Route[] {
  const refuse = () => {
    requireManager(swarm);
    throw new DomainError("not-implemented", `${kind} are not available in this version of skep`);
  };
  // There are none: `docker stack rm` and `docker inspect` ask, and go on.
  const none = () => {
    requireManager(swarm);
    return { status: 200, json: [] };
  };
  const notFound = ({ params }: ApiRequest) => {
    requireManager(swarm);
    throw new DomainError("not-found", `${kind.slice(0, -1)} ${params.id} not found`);
  };
  return [
    { method: "GET", path: `/${kind}`, handle: none },
    { method: "POST", path: `/${kind}/create`, handle: refuse },
    { method: "GET", path: `/${kind}/{id}`, handle: notFound },
    { method: "DELETE", path: `/${kind}/{id}`, handle: notFound },
    { method: "POST", path: `/${kind}/{id}/update`, handle: notFound },
  ];
}
