import { type Clock, DomainError, type Logger } from "@skep/model";
import { callHttp } from "./call-http.ts";
import { Deadline } from "./deadline.ts";
import type { LookUp } from "./dns-lookup.ts";
import { isInside, type OwnNetworks, ownNetworks } from "./own-networks.ts";

export interface PeersOptions {
  /** `SERVICE_NAME`: replicas are found as `tasks.<SERVICE_NAME>`. */
  readonly serviceName: string;
  /** Port of the control API, the same on all replicas. */
  readonly port: number;
  readonly lookUp: LookUp;
  readonly clock: Clock;
  readonly log: Logger;
  /** Sent with every call: the API token. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly networks?: () => OwnNetworks;
}

/** A request to the control API as it came. */
export interface ControlRequest {
  readonly method: string;
  /** `/v1/docker-flow-proxy/reconfigure` */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly body?: Uint8Array;
  readonly contentType?: string;
}

const answerMs = 5000;

/** The other replicas of this proxy. */
export class Peers {
  readonly #options: PeersOptions;

  constructor(options: PeersOptions) {
    this.#options = options;
  }

  /** Their addresses as DNS knows them now, strangers' left out; throws when it knows none at all. */
  async addresses(): Promise<readonly string[]> {
    return (await this.find()).others;
  }

  /** The same, and whether DNS knows this replica too. */
  async find(): Promise<{ readonly others: readonly string[]; readonly isFound: boolean }> {
    const { serviceName, lookUp, networks = ownNetworks } = this.#options;
    const name = `tasks.${serviceName}`;
    const found = await lookUp(name).catch((cause) => {
      throw new DomainError("internal", `Could not perform DNS lookup for ${name}. ${hint}`, { cause });
    });
    const own = networks();
    const inside = found.filter((address) => own.addresses.has(address) || isInside(own, address));
    const others = inside.filter((address) => !own.addresses.has(address)).sort();
    if (inside.length > 0) return { others, isFound: others.length < inside.length };
    throw new DomainError(
      "internal",
      `Could not find any task of the service ${serviceName} by the name ${name}. ${hint}`,
    );
  }

  /**
   * Repeats a request at all other replicas, so that none of them passes it on again; their answers by address. Throws when the
   * replicas are not known, or any of them did not answer with less than 300 within 5 s: then the others have it all the same.
   */
  async distribute(request: ControlRequest, signal?: AbortSignal): Promise<ReadonlyMap<string, string>> {
    const answers = new Map<string, string>();
    const failed: string[] = [];
    const ask = async (address: string) => {
      try {
        answers.set(address, await this.#repeat(address, request, signal));
      } catch (error) {
        failed.push(address);
        this.#options.log.warn({ peer: address, err: String(error) }, "a replica did not take a distributed request");
      }
    };
    await Promise.all((await this.addresses()).map(ask));
    if (failed.length === 0) return answers;
    const list = failed.sort().join(" ");
    throw new DomainError("internal", `Could not send distribute request to the following addresses: [${list}]`);
  }

  async #repeat(address: string, request: ControlRequest, signal?: AbortSignal): Promise<string> {
    const { method, path, body, contentType } = request;
    using deadline = new Deadline(this.#options.clock, answerMs, `${method} ${path}`, signal);
    const query = new URLSearchParams(request.query);
    query.set("distribute", "false");
    const headers = contentType === undefined ? {} : { "Content-Type": contentType };
    return await this.#call(address, {
      method,
      path,
      query,
      headers,
      signal: deadline.signal,
      ...(body ? { body } : {}),
    });
  }

  async #call(address: string, call: PeerCall): Promise<string> {
    const url = new URL(`http://${address}:${this.#options.port}${call.path}?${call.query}`);
    const { status, body } = await callHttp({ ...call, url, headers: { ...call.headers, ...this.#options.headers } });
    if (status < 200 || status >= 300) throw new Error(`status ${status}: ${body.slice(0, 500)}`);
    return body;
  }
}

interface PeerCall {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array;
  readonly signal: AbortSignal;
}

const hint =
  "Is the environment variable SERVICE_NAME the name of this proxy's own service? In a stack that is <stack>_<service>.";
