import { readFile } from "node:fs/promises";
import { expositionType } from "../../metrics/index.ts";
import { answerOf } from "../../service/index.ts";
import { type Answer, empty, json, text } from "./answer.ts";
import { cert, certs } from "./certificates.ts";
import { type ApiParts, wireOptions } from "./parts.ts";
import { reconfigure } from "./reconfigure.ts";
import { reload } from "./reload.ts";
import { remove } from "./remove.ts";
import { type ApiRequest, isSet } from "./request.ts";
import { liveServices, services } from "./services.ts";

type Route = (parts: ApiParts, request: ApiRequest) => Answer | Promise<Answer>;

/** `docker-flow-proxy.md` section 1.1; `services` and `stats` are ours. `v2` is the same. */
const routes: Readonly<Record<string, Route>> = {
  reconfigure,
  remove,
  reload,
  services,
  cert,
  certs,
  config,
  ping: (parts) => json(200, answerOf(200, "", undefined, wireOptions(parts))),
  successfulinitreload: (parts) => empty(parts.hasBeenFilled() ? 200 : 500),
  metrics,
  stats: async ({ statistics }) => json(200, await statistics.summary()),
};

const others: Readonly<Record<string, Route>> = {
  "/v1/test": (parts) => json(200, answerOf(200, "Test v1", undefined, wireOptions(parts))),
  "/v2/test": (parts) => json(200, answerOf(200, "Test v2", undefined, wireOptions(parts))),
  "/metrics": async ({ statistics }) => text(200, await statistics.prometheus(), expositionType),
};

/** Without a token: whoever restarts a container must not need one. */
const isOpen = (name: string | undefined) => name === "ping" || name === "successfulinitreload";

/** The answer to a request, whatever it is. */
export async function answerTo(parts: ApiParts, request: ApiRequest): Promise<Answer> {
  const { token } = parts.settings;
  const name = /^\/v[12]\/docker-flow-proxy\/(\w+)$/.exec(request.path)?.[1];
  const route = name === undefined ? others[request.path] : Object.hasOwn(routes, name) ? routes[name] : undefined;
  if (!route) return text(404, "404 page not found\n");
  if (token !== undefined && request.token !== token && !isOpen(name)) {
    return json(401, answerOf(401, "the API token is missing or wrong: send it as Authorization: Bearer TOKEN"));
  }
  const answer = await route(parts, request);
  if (route === reconfigure || route === remove) parts.statistics.count(answer.status);
  return answer;
}

async function config(parts: ApiParts, { query }: ApiRequest): Promise<Answer> {
  if (query.get("type")?.toLowerCase() === "json") return liveServices(parts);
  const config = await readFile(parts.configPath, "utf8").catch(() => undefined);
  return config === undefined ? empty(500) : text(200, config, "text/html");
}

/** HAProxy's CSV of this replica, or with `distribute=true` of all. */
async function metrics(parts: ApiParts, request: ApiRequest): Promise<Answer> {
  try {
    const own = await parts.statistics.csv();
    if (!isSet(request.query, "distribute")) return text(200, own);
    const all = [own, ...(await parts.replicas.repeat(request))];
    return text(200, all.map((each) => (each.endsWith("\n") ? each : `${each}\n`)).join(""));
  } catch (err) {
    parts.log.warn({ err }, "statistics cannot be had");
    return empty(500);
  }
}
