import { HttpTransport, parseEngineAddress } from "@skep/engine";
import type { Clock, Logger } from "@skep/model";
import type { ClusterEventLog } from "./cluster-event-log.ts";
import { EngineIdentity } from "./engine-identity.ts";
import { Listener, type ListenTarget } from "./listener.ts";
import { mergedRoutes } from "./merged/index.ts";
import { RequestHandler } from "./request-handler.ts";
import type { Route } from "./router.ts";
import type { SwarmNode } from "./swarm-node.ts";

export interface ApiServerOptions {
  /** The engine's socket: a path, `unix:///path` or `tcp://host:port`. */
  readonly engine: string;
  readonly swarm: SwarmNode;
  /** The swarm-scoped routes; the server adds what it merges with the engine's answers. */
  readonly routes: readonly Route[];
  readonly events: ClusterEventLog;
  readonly clock: Clock;
  readonly logger: Logger;
}

export interface ApiServer {
  /** May be called several times. Resolves with the address, `unix:///path` or `tcp://host:port`; rejects if it is taken. */
  listen(target: ListenTarget): Promise<string>;
  /** Ends streams at once, gives other requests half a second, then cuts them off. */
  close(): Promise<void>;
}

/** The Engine API on this node: skep's own routes, and everything else passed through to the engine. */
export function createApiServer(options: ApiServerOptions): ApiServer {
  const { clock, logger } = options;
  const engine = new HttpTransport(parseEngineAddress(options.engine));
  const identity = new EngineIdentity(engine, clock);
  const merged = mergedRoutes({ ...options, engine, identity });
  const handler = new RequestHandler({ engine, identity, routes: [...merged, ...options.routes], logger });
  const listeners: Listener[] = [];
  return {
    async listen(target) {
      const listener = new Listener(handler, target, clock, logger);
      listeners.push(listener);
      return listener.listen();
    },
    async close() {
      handler.abortAll();
      await Promise.all(listeners.map((listener) => listener.close()));
      engine.close();
    },
  };
}
