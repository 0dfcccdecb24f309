import { compareApiVersions, EngineError, EngineUnavailable } from "@skep/engine";
import { DomainError, type ErrorCode, type Logger } from "@skep/model";
import type { JsonResponse, TextResponse } from "./router.ts";

export interface ErrorAnswer {
  readonly status: number;
  readonly message: string;
}

/** As moby's `httpstatus.FromError`. */
const statusOf: Record<ErrorCode, number> = {
  "invalid-parameter": 400,
  unauthorized: 401,
  forbidden: 403,
  "not-found": 404,
  conflict: 409,
  internal: 500,
  "not-implemented": 501,
  unavailable: 503,
};

/** What the client is told. An unexpected error is a bug: it is logged with its stack, and its words stay here. */
export function errorAnswer(error: unknown, logger: Logger): ErrorAnswer {
  if (error instanceof DomainError) return { status: statusOf[error.code], message: error.message };
  if (error instanceof EngineError) return { status: error.status, message: error.message };
  if (error instanceof EngineUnavailable) return { status: 503, message: error.message };
  logger.error({ err: error }, "request failed unexpectedly");
  return { status: 500, message: "internal error: see the log of skepd on this node" };
}

/** The error as clients of API `version` expect it: JSON, before 1.24 text. */
export function errorResponse(status: number, message: string, version?: string): JsonResponse | TextResponse {
  if (version === undefined || compareApiVersions(version, "1.24") >= 0) return { status, json: { message } };
  return { status, headers: { "X-Content-Type-Options": "nosniff" }, text: `${message}\n` };
}
