import { sourceLimits } from "../general/source-limits.ts";
import { extraLines, timeoutLines } from "../language/phrases.ts";
import type { BackendPlan } from "../plan/backend-plan.ts";
import type { NamedDestination, ServiceContext } from "../plan/destination.ts";
import { serverPlan } from "../plan/servers.ts";

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
