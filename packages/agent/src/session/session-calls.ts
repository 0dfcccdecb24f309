import type { ClientHttp2Session } from "node:http2";
import { type Clock, DomainError, pause } from "@skep/model";
import { orAborted } from "../task/or-aborted.ts";
import { backOffMs } from "./back-off.ts";
import { type Answer, answerOf, type Call, exchange } from "./call.ts";

interface SessionCallsOptions {
  /** That of the session, while there is one. */
  readonly connection: () => ClientHttp2Session | undefined;
  readonly clock: Clock;
  /** In 0…1. */
  readonly random: () => number;
}

const serviceUnavailable = 503;

/**
 * Calls on the session's own connection. One that gets no answer is made again until its signal aborts, so what is
 * asked for must not do more when it is asked for twice.
 */
export class SessionCalls {
  readonly #options: SessionCallsOptions;
  #accepted = Promise.withResolvers<void>();

  constructor(options: SessionCallsOptions) {
    this.#options = options;
  }

  /** There is a session: who waited for one may try. */
  connected(): void {
    this.#accepted.resolve();
    this.#accepted = Promise.withResolvers<void>();
  }

  /** Rejects with the manager's refusal as it is, or the signal's reason. */
  call<T>(call: Call, signal: AbortSignal): Promise<T> {
    return this.#repeat(call, () => true, signal);
  }

  /** Takes it for no answer when a manager says that it can do nothing right now. */
  insist<T>(call: Call, signal: AbortSignal): Promise<T> {
    return this.#repeat(call, ({ status }) => status !== serviceUnavailable, signal);
  }

  async #repeat<T>(call: Call, isFinal: (answer: Answer) => boolean, signal: AbortSignal): Promise<T> {
    for (let failures = 0; ; failures++) {
      signal.throwIfAborted();
      const answer = await this.#try(call, signal);
      if (answer && isFinal(answer)) return answerOf<T>(answer);
      await pause(this.#options.clock, backOffMs(failures, this.#options.random()), signal);
    }
  }

  /** Undefined when there is no connection, or no longer. */
  async #try(call: Call, signal: AbortSignal): Promise<Answer | undefined> {
    const connection = await this.#connection(signal);
    try {
      return await exchange(connection, call, signal);
    } catch (error) {
      if (error instanceof DomainError && error.code === "unavailable") return undefined;
      throw error;
    }
  }

  async #connection(signal: AbortSignal): Promise<ClientHttp2Session> {
    for (;;) {
      const connection = this.#options.connection();
      if (connection && !connection.destroyed && !connection.closed) return connection;
      await orAborted(this.#accepted.promise, signal);
    }
  }
}
