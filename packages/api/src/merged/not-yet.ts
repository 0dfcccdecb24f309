import { DomainError } from "@skep/model";
import { requireManager } from "../require-manager.ts";
import type { Route } from "../router.ts";
import type { MergeContext } from "./merge-context.ts";

/** Swarm-scoped routes that a later version will answer: nothing half-working until then. */
export function notYetRoutes(context: MergeContext): Route[] {
  return [...objectRoutes(context, "secrets"), ...objectRoutes(context, "configs")];
}

function objectRoutes({ swarm }: MergeContext, kind: "secrets" | "configs"): Route[] {
  const handle = () => {
    requireManager(swarm);
    throw new DomainError("not-implemented", `${kind} are not available in this version of skep`);
  };
  return [
    { method: "GET", path: `/${kind}`, handle },
    { method: "POST", path: `/${kind}/create`, handle },
    { method: "GET", path: `/${kind}/{id}`, handle },
    { method: "DELETE", path: `/${kind}/{id}`, handle },
    { method: "POST", path: `/${kind}/{id}/update`, handle },
  ];
}
