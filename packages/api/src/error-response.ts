import { EngineError, EngineUnavailable } from "@skep/engine";
import { DomainError, type ErrorCode, type Logger } from "@skep/model";

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

/** What a client is told when nothing answers on the engine's socket. */
export const engineUnreachable = (engine: string, cause: unknown): EngineUnavailable =>
  new EngineUnavailable(`skepd cannot reach the Docker Engine at ${engine}: start it, or pass --engine`, { cause });
