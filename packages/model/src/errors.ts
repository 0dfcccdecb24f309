/** Every way in which a request can be refused; `api` turns each into an HTTP status. */
export type ErrorCode =
  | "invalid-parameter"
  | "unauthorized"
  | "forbidden"
  | "not-found"
  | "conflict"
  | "internal"
  | "not-implemented"
  | "unavailable";

/** An error whose message may be shown to the operator as it is. */
export class DomainError extends Error {
  override readonly name: string = "DomainError";
  readonly code: ErrorCode;
  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** gRPC's status names, as swarmkit's control API puts them into its messages. */
export type RpcCode =
  | "InvalidArgument"
  | "FailedPrecondition"
  | "NotFound"
  | "AlreadyExists"
  | "Unimplemented"
  | "Unavailable"
  | "PermissionDenied"
  | "Unknown";

const codeOfRpc: Record<RpcCode, ErrorCode> = {
  InvalidArgument: "invalid-parameter",
  FailedPrecondition: "invalid-parameter",
  NotFound: "not-found",
  AlreadyExists: "conflict",
  Unimplemented: "not-implemented",
  Unavailable: "unavailable",
  PermissionDenied: "forbidden",
  Unknown: "internal",
};

/**
 * An error of the control API. Docker leaves the gRPC prefix of its manager in the text, and scripts match it,
 * so ours carries the same one (`swarm-api.md` section 2.4).
 */
export function rpcError(rpc: RpcCode, message: string, options?: ErrorOptions): DomainError {
  return new DomainError(codeOfRpc[rpc], `rpc error: code = ${rpc} desc = ${message}`, options);
}

/** A stale version was sent with an update; Docker answers 500, and clients match the words. */
export const outOfSequence = () => rpcError("Unknown", "update out of sequence");

/** For the default branch of a switch over a union: the type checker proves that it cannot be reached. */
export function unreachable(value: never): never {
  throw new Error(`unreachable: ${JSON.stringify(value)}`);
}
