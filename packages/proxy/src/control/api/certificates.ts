import { DomainError } from "@skep/model";
import {
  type CertificateAnswer,
  listCertificates,
  putCertificate,
  removeCertificate,
} from "../../certificates/index.ts";
import { type Answer, empty, json } from "./answer.ts";
import type { ApiParts } from "./parts.ts";
import { type ApiRequest, isSet } from "./request.ts";

/** `PUT cert` stores a certificate, `DELETE cert` removes it; when this answers it is served, or is no more. */
export async function cert(parts: ApiParts, request: ApiRequest): Promise<Answer> {
  const { certificates, clock } = parts;
  const certName = request.query.get("certName") ?? undefined;
  if (request.method === "DELETE") return distributed(parts, request, await removeCertificate(certificates, certName));
  if (request.method !== "PUT") return empty(405);
  const body = await request.body();
  const put = { certName, text: body.toString("utf8"), nowMs: clock.now() };
  return distributed(parts, request, await putCertificate(certificates, put), body);
}

/** The answer, once the other replicas have done the same where that is asked for. */
async function distributed(
  parts: ApiParts,
  request: ApiRequest,
  { status, body: answer }: CertificateAnswer,
  body?: Buffer,
): Promise<Answer> {
  if (status !== 200 || !isSet(request.query, "distribute")) return json(status, answer);
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
