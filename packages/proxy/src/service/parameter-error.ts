import { DomainError } from "@skep/model";
import { quoted } from "./plain-text.ts";
import type { ProxyService } from "./service.ts";

/**
 * Parameters that cannot be used; the message is for the caller. 409 is only what the original answered with it: swarm
 * listeners take it for "do not try again" (`docker-flow-proxy.md` section 1.4).
 */
export class ParameterError extends DomainError {
  override readonly name = "ParameterError";
  readonly status: 400 | 409;
  /** What was understood nevertheless, for the answer. */
  readonly service: ProxyService | undefined;
  constructor(status: 400 | 409, message: string, service?: ProxyService) {
    super(status === 409 ? "conflict" : "invalid-parameter", message);
    this.status = status;
    this.service = service;
  }
}

/** `port "80x" must be a number from 1 to 65535` */
export const malformed = (parameter: string, text: string, reason: string): ParameterError =>
  new ParameterError(400, `${parameter} ${quoted(text)} ${reason}`);
