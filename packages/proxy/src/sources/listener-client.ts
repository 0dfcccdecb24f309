import { type Clock, DomainError, type Logger, pause } from "@skep/model";
import { callHttp } from "./call-http.ts";
import { Complaint } from "./complaint.ts";
import { Deadline } from "./deadline.ts";

/** Parameters of `reconfigure` by their names. */
export type Parameters = Readonly<Record<string, string>>;

/** What all listeners know together, by `serviceName`. */
export type ListenerServices = ReadonlyMap<string, Parameters>;

export interface ListenerClientOptions {
  /** `LISTENER_ADDRESS`: host names; a port or `http://` may be given. */
  readonly addresses: readonly string[];
  readonly clock: Clock;
  readonly log: Logger;
  /** `RELOAD_INTERVAL`: between two attempts. */
  readonly intervalMs: number;
  /** `RELOAD_ATTEMPTS`: for each of several listeners; a single one is asked until it answers. */
  readonly attempts: number;
  /** `REPEAT_RELOAD`: go on asking after the first answer. */
  readonly repeat: boolean;
  /**
   * Whether a service that a listener no longer names still exists: listeners leave out those whose tasks are not all running,
   * and that is no reason to close their route. Where nobody can tell, a service is gone that was not named for some answers.
   */
  readonly exists?: ((service: Parameters) => Promise<boolean>) | undefined;
}

/** So many answers in a row have to leave a service out. */
const mostMissed = 3;

const answerMs = 30_000;
const root = "/v1/docker-flow-swarm-listener";

/**
 * Asks swarm listeners for their services, at once and at intervals: whole snapshots, the first when the first listener has
 * answered, then one whenever something has changed. Ends when nobody is to be asked any more, or `signal` aborts.
 */
export async function* watchListeners(
  options: ListenerClientOptions,
  signal: AbortSignal,
): AsyncGenerator<ListenerServices> {
  const { addresses, clock, attempts, repeat, intervalMs } = options;
  const listeners = addresses.map((address) => new Listener(address, options));
  let told: string | undefined;
  for (let attempt = 1; !signal.aborted; attempt++) {
    const asked = listeners.filter(({ answered }) => repeat || !answered);
    await Promise.all(asked.map((listener) => listener.ask(signal)));
    const known = new Map(listeners.flatMap(({ services }) => [...services]));
    const text = JSON.stringify([...known].sort());
    if (!signal.aborted && text !== told && listeners.some(({ answered }) => answered)) {
      told = text;
      yield known;
    }
    const isLast = addresses.length > 1 && !repeat && attempt >= attempts;
    if (isLast || (!repeat && listeners.every(({ answered }) => answered))) return;
    await pause(clock, intervalMs, signal);
  }
}

/** Has every listener send all its services again (`reload?fromListener=true`); throws when one of them does not answer 200. */
export async function askToNotify(
  addresses: readonly string[],
  { clock, signal }: { readonly clock: Clock; readonly signal?: AbortSignal },
): Promise<void> {
  const ask = async (address: string) => {
    using deadline = new Deadline(clock, answerMs, address, signal);
    await get(urlOf(address, "notify-services"), deadline.signal);
  };
  await Promise.all(addresses.map(ask));
}

/** One listener, and what it said last. */
class Listener {
  readonly #url: URL;
  readonly #options: ListenerClientOptions;
  readonly #complaint: Complaint;
  /** How many answers in a row have left a service out. */
  readonly #missed = new Map<string, number>();
  services: ListenerServices = new Map();
  answered = false;

  constructor(address: string, options: ListenerClientOptions) {
    this.#url = urlOf(address, "get-services");
    this.#options = options;
    this.#complaint = new Complaint(options.log, `the listener ${address} does not name its services`);
  }

  async ask(signal: AbortSignal): Promise<void> {
    using deadline = new Deadline(this.#options.clock, answerMs, this.#url.href, signal);
    try {
      const named = parseServices(await get(this.#url, deadline.signal));
      for (const name of named.keys()) this.#missed.delete(name);
      const others = [...this.services].filter(([name]) => !named.has(name));
      const kept = await Promise.all(others.map(async (other) => ((await this.#stays(other)) ? [other] : [])));
      this.services = new Map([...named, ...kept.flat()]);
      this.answered = true;
      this.#complaint.cured();
    } catch (error) {
      if (!signal.aborted) this.#complaint.tell(error);
    }
  }

  /** When the swarm cannot be asked now, the route stays. */
  async #stays([name, service]: readonly [string, Parameters]): Promise<boolean> {
    const { exists } = this.#options;
    if (exists) return exists(service).catch(() => true);
    const missed = (this.#missed.get(name) ?? 0) + 1;
    if (missed < mostMissed) this.#missed.set(name, missed);
    else this.#missed.delete(name);
    return missed < mostMissed;
  }
}

function urlOf(address: string, call: string): URL {
  const base = /^https?:\/\//.test(address) ? address : `http://${address}`;
  const url = URL.parse(`${root}/${call}`, base);
  if (!url) throw new DomainError("invalid-parameter", `${address} is not the address of a swarm listener`);
  if (url.port === "" && url.protocol === "http:" && !/:80(\/|$)/.test(address)) url.port = "8080";
  return url;
}

async function get(url: URL, signal: AbortSignal): Promise<string> {
  const { status, body } = await callHttp({ method: "GET", url, signal });
  if (status === 200) return body;
  throw new DomainError("unavailable", `${url.href} answered with status ${status}: ${body.slice(0, 500)}`);
}

/** A JSON list of objects of strings; throws at anything else. Services without a name are left out. */
function parseServices(text: string): ListenerServices {
  const list: unknown = JSON.parse(text);
  if (!Array.isArray(list)) throw new Error("the answer is not a list of services");
  const named = list.filter(isParameters).filter(({ serviceName }) => serviceName);
  return new Map(named.map((service) => [service.serviceName ?? "", service]));
}

const isParameters = (value: unknown): value is Parameters =>
  typeof value === "object" && value !== null && Object.values(value).every((text) => typeof text === "string");
