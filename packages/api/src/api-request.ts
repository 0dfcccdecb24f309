import type { IncomingMessage, ServerResponse } from "node:http";
import { compareApiVersions } from "@skep/engine";
import type { Identity } from "./engine-identity.ts";
import type { MergedRequest } from "./merged/merged-route.ts";
import { readJson } from "./request-body.ts";

import type { Target } from "./target.ts";

export interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly target: Target;
}

/** A request as routes see it. */
export function apiRequest(
  { request, response, target }: Exchange,
  params: Readonly<Record<string, string>>,
  identity: Identity,
  signal: AbortSignal,
): MergedRequest {
  const apiVersion = target.version ?? identity.apiVersion;
  return {
    method: request.method ?? "",
    path: target.path,
    params,
    query: new URLSearchParams(target.query),
    headers: request.headers,
    body: request,
    apiVersion,
    atLeast: (version) => compareApiVersions(apiVersion, version) >= 0,
    json() {
      if (request.headers.expect?.toLowerCase() === "100-continue") response.writeContinue();
      return readJson(request);
    },
    signal,
  };
}
