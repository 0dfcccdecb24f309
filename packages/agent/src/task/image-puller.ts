import { type Engine, EngineUnavailable } from "@skep/engine";
import type { Clock, Logger } from "@skep/model";
import { isDigested, isImageId, registryOf } from "./image-reference.ts";
import { orAborted } from "./or-aborted.ts";

export interface ImageRequest {
  readonly reference: string;
  readonly registryAuth?: string | undefined;
  /** Tasks of the same service version share one pull; a later version (`--force` too) asks the registry again. */
  readonly generation: string;
}

/** How long a pull that succeeded does for all tasks of its service version; one that failed, only for those waiting. */
const sharedForMs = 10_000;
/** How long a registry that could not be reached is not waited for. */
const unreachableForMs = 60_000;
/** How long a registry may take to answer before an image that is already here is used. */
const answerWithinMs = 3_000;

interface Pull {
  readonly generation: string;
  /** Settles when the pull has ended; never rejects. */
  readonly ended: Promise<void>;
  /** Settles when the registry has answered, or the pull has ended. */
  readonly answered: Promise<void>;
  readonly controller: AbortController;
  waiting: number;
  endedAtMs?: number;
  /** The engine went away meanwhile: nothing is known of the image. */
  broken?: EngineUnavailable;
}

/**
 * Brings images to the node (`swarm-api.md` section 17.4): a tag is pulled for every service version, and what a
 * registry that can be reached says always wins; one that cannot be reached never delays an image that is here.
 */
export class ImagePuller {
  readonly #engine: Engine;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #pulls = new Map<string, Pull>();
  readonly #unreachableAtMs = new Map<string, number>();

  constructor({ engine, clock, log }: { engine: Engine; clock: Clock; log: Logger }) {
    this.#engine = engine;
    this.#clock = clock;
    this.#log = log;
  }

  /**
   * Resolves once a container should be created from what is on the node. A failed pull is no error here: if the image
   * is missing, creating the container says so. Rejects when the engine is away, or with the signal's reason.
   */
  async ensure(request: ImageRequest, signal: AbortSignal): Promise<void> {
    const { reference } = request;
    if (isImageId(reference)) return;
    const pull = this.#sharedPull(request);
    if (pull) return this.#waitFor(pull, pull.ended, signal);
    const present = (await this.#engine.inspectImage(reference)) !== undefined;
    signal.throwIfAborted();
    if (present && isDigested(reference)) return;
    const started = this.#sharedPull(request) ?? this.#start(request);
    if (!present) return this.#waitFor(started, started.ended, signal);
    if (this.#knownUnreachable(reference)) return this.#leaveInBackground(started);
    await this.#waitFor(started, this.#orTooLong(started), signal);
  }

  /** A pull whose outcome this request may use; forgets the others that have ended. */
  #sharedPull(request: ImageRequest): Pull | undefined {
    for (const [key, { endedAtMs }] of this.#pulls) {
      if (endedAtMs !== undefined && this.#clock.now() - endedAtMs > sharedForMs) this.#pulls.delete(key);
    }
    const pull = this.#pulls.get(keyOf(request));
    return pull?.generation === request.generation && !pull.controller.signal.aborted ? pull : undefined;
  }

  /** One pull of an image with the same credentials at a time: a newer one waits for the older. */
  #start(request: ImageRequest): Pull {
    const controller = new AbortController();
    const answered = Promise.withResolvers<void>();
    const before = this.#pulls.get(keyOf(request))?.ended;
    const run = async () => {
      await before;
      const outcome = await this.#pull(request, controller.signal, answered.resolve);
      pull.endedAtMs = this.#clock.now();
      if (outcome instanceof EngineUnavailable) pull.broken = outcome;
      if (outcome !== "pulled" && this.#pulls.get(keyOf(request)) === pull) this.#pulls.delete(keyOf(request));
      answered.resolve();
    };
    const pull: Pull = {
      generation: request.generation,
      ended: Promise.resolve().then(run),
      answered: answered.promise,
      controller,
      waiting: 0,
    };
    this.#pulls.set(keyOf(request), pull);
    return pull;
  }

  /** Resolves when the pull has ended: how, or with the error when it was the engine that went away. */
  async #pull(
    { reference, registryAuth }: ImageRequest,
    signal: AbortSignal,
    onAnswer: () => void,
  ): Promise<"pulled" | "failed" | EngineUnavailable> {
    const registry = registryOf(reference);
    try {
      await this.#engine.pullImage(reference, registryAuth, signal, () => {
        this.#unreachableAtMs.delete(registry);
        onAnswer();
      });
      return "pulled";
    } catch (err) {
      if (err instanceof EngineUnavailable) return err;
      if (signal.aborted) return "failed";
      if (isConnectionError(err)) this.#unreachableAtMs.set(registry, this.#clock.now());
      else this.#unreachableAtMs.delete(registry);
      this.#log.warn({ image: reference, err }, "pulling image failed");
      return "failed";
    }
  }

  #knownUnreachable(reference: string): boolean {
    const atMs = this.#unreachableAtMs.get(registryOf(reference));
    return atMs !== undefined && this.#clock.now() - atMs < unreachableForMs;
  }

  /** It goes on, and tells whether the registry is back. */
  #leaveInBackground(pull: Pull): void {
    pull.waiting++;
    void pull.ended.then(() => pull.waiting--);
  }

  /** Settles when the pull has ended, or its registry is silent for too long: then the pull goes on in the background. */
  async #orTooLong(pull: Pull): Promise<void> {
    const tooLong = Promise.withResolvers<"silent">();
    const cancel = this.#clock.after(answerWithinMs, () => tooLong.resolve("silent"));
    const outcome = await Promise.race([pull.answered, tooLong.promise]);
    cancel();
    if (outcome === "silent") this.#leaveInBackground(pull);
    else await pull.ended;
  }

  /** A pull that nobody waits for any more is given up. */
  async #waitFor(pull: Pull, until: Promise<void>, signal: AbortSignal): Promise<void> {
    pull.waiting++;
    try {
      await orAborted(until, signal);
      if (pull.broken) throw pull.broken;
    } finally {
      pull.waiting--;
      if (pull.waiting === 0 && pull.endedAtMs === undefined) pull.controller.abort();
    }
  }
}

const keyOf = ({ reference, registryAuth = "" }: ImageRequest) => `${reference}\n${registryAuth}`;

/** What Go's dialer, resolver and TLS client say when nobody is there, as against a registry that refuses. */
const connectionError =
  /no such host|dial (tcp|udp)|i\/o timeout|handshake timeout|connection (refused|reset)|network is unreachable|no route to host|server misbehaving|Client\.Timeout|deadline exceeded|temporary failure|\bEOF$/i;

const isConnectionError = (error: unknown): boolean => error instanceof Error && connectionError.test(error.message);
