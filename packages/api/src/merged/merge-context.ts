import type { HttpTransport } from "@skep/engine";
import type { Clock } from "@skep/model";
import type { ClusterEventLog } from "../cluster-event-log.ts";
import type { EngineIdentity } from "../engine-identity.ts";
import type { SwarmNode } from "../swarm-node.ts";

/** What the routes need that answer with something of the engine and something of the swarm. */
export interface MergeContext {
  readonly engine: HttpTransport;
  readonly identity: EngineIdentity;
  readonly swarm: SwarmNode;
  readonly events: ClusterEventLog;
  readonly clock: Clock;
}
