import type { BackendPlan } from "./backend-plan.ts";
import type { NamedDestination, ServiceContext } from "./destination.ts";
import { extraLines, timeoutLines } from "./phrases.ts";
import { serverPlan } from "./servers.ts";
import { sourceLimits } from "./source-limits.ts";

/** Backend of a destination in mode tcp or sni. */
export function streamBackend(context: ServiceContext, named: NamedDestination): BackendPlan {
  const { destination, backend, port } = named;
  const servers = serverPlan({ context, named, backend, port });
  const lines = [
    "mode tcp",
    ...(destination.checkTcp ? ["option tcp-check"] : []),
    ...timeoutLines(destination, ["server", "tunnel"]),
    ...sourceLimits(destination, "tcp-request content reject"),
    ...servers.lines,
    ...extraLines(context.service.backendExtra),
  ];
  return { name: backend, lines, byTask: servers.byTask };
}
