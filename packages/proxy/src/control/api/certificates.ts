import { DomainError } from "@skep/model";
import { listCertificates, putCertificate } from "../../certificates/index.ts";
import { type Answer, empty, json } from "./answer.ts";
import type { ApiParts } from "./parts.ts";
import { type ApiRequest, isSet } from "./request.ts";

/** `PUT cert`: stores a certificate; it is served when this answers. */
export async function cert(parts: ApiParts, request: ApiRequest): Promise<Answer> {
  if (request.method !== "PUT") return empty(405);
  const body = await request.body();
  const certName = request.query.get("certName") ?? undefined;
  const { status, body: answer } = await putCertificate(parts.certificates, {
    certName,
    text: body.toString("utf8"),
    nowMs: parts.clock.now(),
  });
  if (status !== 200) return json(status, answer);
  if (!isSet(request.query, "distribute")) return json(status, answer);
  try {
    await parts.replicas.repeat(request, body);
    return json(200, answer);
  } catch (error) {
    if (!(error instanceof DomainError)) throw error;
    return json(400, { Status: "NOK", Message: error.message, Certs: null });
  }
}

/** `certs`: with private keys for the other replicas, and for whoever has the token; without for others. */
export async function certs(parts: ApiParts, request: ApiRequest): Promise<Answer> {
  const trusted = parts.settings.token !== undefined || (await parts.replicas.includes(request.from));
  const { status, body } = await listCertificates(parts.certificates, { redacted: parts.settings.redact && !trusted });
  return json(status, body);
}
