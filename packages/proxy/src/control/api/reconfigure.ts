import { DomainError } from "@skep/model";
import { createTwoFilesPatch } from "diff";
import { certificateNameOf } from "../../certificates/index.ts";
import { answerOf, ParameterError, type ProxyService, type Subject } from "../../service/index.ts";
import { RejectedRoute } from "../live-config.ts";
import { routedQuery } from "../routed-query.ts";
import { type Answer, json, text } from "./answer.ts";
import { type ApiParts, wireOptions } from "./parts.ts";
import { type ApiRequest, isSet } from "./request.ts";

/** `reconfigure`: adds or changes one service. Resolves when it is live, on all replicas unless `distribute=false`. */
export async function reconfigure(parts: ApiParts, request: ApiRequest): Promise<Answer> {
  const answer = (status: number, message: string, subject?: Subject) =>
    json(status, answerOf(status, message, subject, wireOptions(parts)));
  let service: ProxyService | undefined;
  try {
    service = parts.parse(request.query);
    if (isSet(request.query, "dryRun")) return await dryRun(parts, service);
    await checkAddress(parts, service);
    await storeCertificate(parts, service);
    await parts.controller.set("http", { service, query: routedQuery(request.query) });
    await share(parts, service, request);
    return answer(200, service.distribute ? "Distributed to all instances" : "", service);
  } catch (error) {
    const subject = service ?? { serviceName: request.query.get("serviceName") ?? "" };
    if (error instanceof ParameterError) return answer(error.status, error.message, error.service ?? subject);
    if (error instanceof RejectedRoute) return answer(error.refused ? 400 : 500, error.message, subject);
    if (error instanceof DomainError)
      return answer(error.code === "invalid-parameter" ? 400 : 500, error.message, subject);
    throw error;
  }
}

/** The config as it is against the config as it would be; nothing changes. */
async function dryRun(parts: ApiParts, service: ProxyService): Promise<Answer> {
  const now = parts.controller.rendered?.config ?? "";
  const then = parts.controller.preview(service);
  const problem = await parts.check(then);
  if (problem !== undefined) throw new RejectedRoute(problem, true);
  const patch = createTwoFilesPatch("haproxy.cfg", "haproxy.cfg", now, then.config, "now", "with the change", {
    context: 2,
  });
  return text(200, now === then.config ? "" : patch);
}

async function checkAddress({ resolves }: ApiParts, { serviceName, destinations }: ProxyService): Promise<void> {
  const host = destinations[0]?.outboundHostname || serviceName;
  if (!(await resolves(host)))
    throw new DomainError("internal", `Could not reach the service ${serviceName}: no address of ${host} is known`);
}

/** The certificate goes before the route that needs it. */
async function storeCertificate({ certificates }: ApiParts, service: ProxyService): Promise<void> {
  if (service.serviceCert !== "") await certificates.put(certificateNameOf(service), service.serviceCert);
}

/**
 * Sharing is what makes replicas agree, so it is tried when nobody asks for it too; then failing is no failure. What another
 * replica has passed on is only kept: that one may not see the swarm.
 */
async function share({ replicas, log }: ApiParts, service: ProxyService, request: ApiRequest): Promise<void> {
  const { serviceName } = service;
  const query = routedQuery(request.query);
  try {
    if (request.query.get("distribute") === "false") await replicas.keep(serviceName, query);
    else await replicas.share(serviceName, query, request);
  } catch (err) {
    if (service.distribute) throw err;
    log.warn({ service: service.serviceName, err }, "route is not shared");
  }
}
