import { DomainError } from "@skep/model";
import { answerOf } from "../../service/index.ts";
import { RejectedRoute } from "../live-config.ts";
import { type Answer, json } from "./answer.ts";
import { type ApiParts, wireOptions } from "./parts.ts";
import { type ApiRequest, isSet } from "./request.ts";

/** `remove`: takes back what `reconfigure` has added, on all replicas unless `distribute=false`. */
export async function remove(parts: ApiParts, request: ApiRequest): Promise<Answer> {
  const serviceName = request.query.get("serviceName") ?? "";
  const distribute = isSet(request.query, "distribute");
  const answer = (status: number, message: string) =>
    json(status, answerOf(status, message, { serviceName, distribute }, wireOptions(parts)));
  if (serviceName === "") return answer(400, "The serviceName query is mandatory");
  const { controller, replicas, log } = parts;
  try {
    await controller.remove("http", serviceName);
  } catch (err) {
    if (err instanceof RejectedRoute || err instanceof DomainError) return answer(500, err.message);
    throw err;
  }
  try {
    if (request.query.get("distribute") === "false") await replicas.keep(serviceName, undefined);
    else await replicas.share(serviceName, undefined, request);
  } catch (err) {
    if (!(err instanceof DomainError)) throw err;
    if (distribute) return answer(500, err.message);
    log.warn({ service: serviceName, err }, "removal of a route is not shared");
  }
  const left = controller.states().get(serviceName);
  if (left) return answer(409, stillRouted[left.origin](serviceName));
  return answer(200, distribute ? "Distributed to all instances" : "");
}

/** What a request has not made it cannot unmake: it would be back with the next look at where it comes from. */
const stillRouted = {
  http: (name: string) => `${name} has been reconfigured again meanwhile`,
  swarm: (name: string) =>
    `${name} is routed by its labels: docker service update --label-rm com.df.notify ${name} removes the route`,
  listener: (name: string) => `${name} is routed because a swarm listener names it: remove its com.df.notify label`,
  environment: (name: string) => `${name} is routed by the proxy's own environment: remove its DFP_SERVICE variables`,
};
