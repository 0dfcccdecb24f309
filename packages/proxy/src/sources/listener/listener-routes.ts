import type { IncomingMessage, RequestListener, ServerResponse } from "node:http";
import type { SwarmListener } from "./swarm-listener.ts";

const root = "/v1/docker-flow-swarm-listener";

/** The listener's own API (section 3.3), for `createServer`; any method, as the original's. */
export function listenerRoutes(listener: SwarmListener): RequestListener {
  const signal = (response: ServerResponse) => {
    const gone = new AbortController();
    response.once("close", () => gone.abort());
    return gone.signal;
  };
  const routes: Record<string, (response: ServerResponse) => Promise<void> | void> = {
    [`${root}/notify-services`](response) {
      listener.notifyAll();
      sendJson(response, 200, { Status: "OK" });
    },
    [`${root}/get-services`]: (response) =>
      sendList(response, "serveGetServices", listener, () => listener.servicesNow(signal(response))),
    [`${root}/get-nodes`]: (response) =>
      sendList(response, "serveGetNodes", listener, () => listener.nodesNow(signal(response))),
    [`${root}/ping`]: (response) => sendJson(response, 200, { Status: "OK" }),
    "/metrics"(response) {
      response.writeHead(200, { "Content-Type": "text/plain; version=0.0.4; charset=utf-8" });
      response.end(listener.renderMetrics());
    },
  };
  return (request: IncomingMessage, response: ServerResponse) => {
    request.resume();
    const [path = ""] = (request.url ?? "").split("?");
    const answer = Object.hasOwn(routes, path) ? routes[path] : undefined;
    if (answer) void answer(response);
    else response.writeHead(404, { "Content-Type": "text/plain; charset=utf-8" }).end("404 page not found\n");
  };
}

/** 500 with the reason when the swarm cannot be asked. */
async function sendList(
  response: ServerResponse,
  operation: string,
  listener: SwarmListener,
  read: () => Promise<unknown>,
): Promise<void> {
  try {
    sendJson(response, 200, await read());
  } catch (error) {
    listener.failed(operation);
    sendJson(response, 500, { Status: "NOK", Message: error instanceof Error ? error.message : String(error) });
  }
}

function sendJson(response: ServerResponse, status: number, value: unknown): void {
  response.writeHead(status, { "Content-Type": "application/json" });
  response.end(JSON.stringify(value));
}
