import { type Clock, type Limiter, type Logger, pause } from "@skep/model";
import { callHttp } from "../call-http.ts";
import { Deadline } from "../deadline.ts";
import type { ListenerMetrics } from "./listener-metrics.ts";
import type { Endpoint, NotifyUrl } from "./listener-settings.ts";

/** What a target shall know about one service or node. */
export interface Notice {
  readonly action: "create" | "remove";
  /** URL-encoded parameters. */
  readonly query: string;
}

export interface DeliveryOptions {
  readonly kind: "service" | "node";
  readonly endpoint: Endpoint;
  /** Calls to this endpoint at the same time. */
  readonly limiter: Limiter;
  readonly retries: number;
  readonly retryIntervalMs: number;
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: ListenerMetrics;
}

/** Docker Flow Proxy may take half a minute for one reconfigure. */
const answerMs = 120_000;
/** Once the retries are used up. */
const slowRetryMs = 60_000;
/** A call that was cancelled may still be at work over there, and end after its successor: as long as those take. */
const confirmMs = 30_000;

/** Brings the newest notice about one thing to the URLs of one host. A newer one cancels the older; none is ever given up. */
export class Delivery {
  readonly #options: DeliveryOptions;
  #current = new AbortController();
  /** A call ended without an answer: nobody knows when the target will have heard it. */
  #isUncertain = false;

  constructor(options: DeliveryOptions) {
    this.#options = options;
  }

  /** Resolves with true once the notice is delivered, with false when another one has taken its place. */
  async deliver(notice: Notice): Promise<boolean> {
    this.cancel();
    const { signal } = this.#current;
    await this.#untilTaken(notice, signal);
    while (this.#isUncertain && !signal.aborted) {
      this.#isUncertain = false;
      await pause(this.#options.clock, confirmMs, signal);
      await this.#untilTaken(notice, signal);
    }
    return !signal.aborted;
  }

  cancel(): void {
    this.#current.abort();
    this.#current = new AbortController();
  }

  async #untilTaken(notice: Notice, signal: AbortSignal): Promise<void> {
    const { endpoint, clock, retryIntervalMs } = this.#options;
    const retries = retryIntervalMs > 0 ? this.#options.retries : 0;
    for (let attempt = 1; !signal.aborted; attempt++) {
      const failure = await this.#callAll(endpoint[notice.action], notice, signal);
      if (failure === undefined || signal.aborted) return;
      if (attempt === retries + 1) this.#complain(notice, failure);
      await pause(clock, attempt <= retries ? retryIntervalMs : slowRetryMs, signal);
    }
  }

  #complain({ action, query }: Notice, failure: string): void {
    const { kind, endpoint, metrics, log } = this.#options;
    metrics.failed(`notificationSend${action === "create" ? "Create" : "Remove"}${kind}Request`);
    log.error({ target: endpoint.host, action, query, err: failure }, `a ${kind} notification is not taken`);
  }

  /** Undefined when all have taken it. */
  async #callAll(urls: readonly NotifyUrl[], notice: Notice, signal: AbortSignal): Promise<string | undefined> {
    const call = (url: NotifyUrl) =>
      this.#options.limiter.run(async () => (signal.aborted ? undefined : this.#call(url, notice, signal)));
    const failures = await Promise.all(urls.map(call));
    return failures.find((failure) => failure !== undefined);
  }

  async #call({ url, method }: NotifyUrl, { action, query }: Notice, signal: AbortSignal): Promise<string | undefined> {
    using deadline = new Deadline(this.#options.clock, answerMs, url.href, signal);
    const target = new URL(url);
    target.search = [url.search.slice(1), query].filter((part) => part !== "").join("&");
    try {
      const { status, body } = await callHttp({ method, url: target, signal: deadline.signal });
      const isTaken = status === 200 || (status === 409 && action === "create");
      return isTaken ? undefined : `status ${status}: ${body.slice(0, 500)}`;
    } catch (error) {
      this.#isUncertain ||= deadline.signal.aborted;
      return error instanceof Error ? error.message : String(error);
    }
  }
}
