import { clampApiVersion, compareApiVersions, type EngineVersion, type HttpTransport } from "@skep/engine";
import type { Clock } from "@skep/model";

/** What every answer of skep's own says about the engine behind it. */
export interface Identity {
  /** The newest API version this daemon answers to: the engine's own, as far as skep knows it. */
  readonly apiVersion: string;
  readonly minApiVersion: string;
  /** `20.10.24+dfsg1`; `unknown` while no engine has answered. */
  readonly engineVersion: string;
  readonly os: string;
  readonly experimental: boolean;
  /** Of the engine's `/_ping`; Docker's clients choose BuildKit by it. */
  readonly builderVersion: string | undefined;
}

/** The newest API version skep's own routes are written for, and the oldest where the engine does not say. */
const newestKnown = "1.50";
const oldestKnown = "1.24";

/** How long an engine that accepts but does not answer may hold up an answer of skep's own. */
const patienceMs = 3_000;

const nobody: Identity = {
  apiVersion: newestKnown,
  minApiVersion: oldestKnown,
  engineVersion: "unknown",
  os: "linux",
  experimental: false,
  builderVersion: undefined,
};

/** Asks the engine who it is, and remembers it: skep's own routes answer without an engine too. */
export class EngineIdentity {
  readonly #engine: HttpTransport;
  readonly #clock: Clock;
  #known: Identity | undefined;
  #asking: Promise<Identity> | undefined;

  constructor(engine: HttpTransport, clock: Clock) {
    this.#engine = engine;
    this.#clock = clock;
  }

  /** What is known; asks when nothing is. Never rejects. */
  async current(): Promise<Identity> {
    return this.#known ?? this.refresh();
  }

  /** Asks the engine; while it is away, what was known last. Never rejects. */
  refresh(): Promise<Identity> {
    this.#asking ??= this.#ask().finally(() => {
      this.#asking = undefined;
    });
    return this.#asking;
  }

  async #ask(): Promise<Identity> {
    const tooLong = new AbortController();
    const cancel = this.#clock.after(patienceMs, () => tooLong.abort());
    const { signal } = tooLong;
    try {
      const [ping, version] = await Promise.all([
        this.#engine.open("HEAD", "/_ping", { signal }),
        this.#engine.json<EngineVersion & { Os?: string; Experimental?: boolean }>("GET", "/version", { signal }),
      ]);
      ping.resume();
      this.#known = {
        ...boundsOf(version),
        engineVersion: version.Version,
        os: version.Os ?? nobody.os,
        experimental: version.Experimental ?? false,
        builderVersion: ping.headers["builder-version"]?.toString(),
      };
    } catch {
      // The engine is away: requests that need it will say so.
    } finally {
      cancel();
    }
    return this.#known ?? nobody;
  }
}

/** The API versions this daemon accepts in front of an engine that speaks these. */
export function boundsOf(version: EngineVersion): Pick<Identity, "apiVersion" | "minApiVersion"> {
  const oldest = version.MinAPIVersion ?? oldestKnown;
  return { apiVersion: clampApiVersion(version.ApiVersion, "0", newestKnown), minApiVersion: oldest };
}

/** Why a request's version prefix is refused, in Docker's words; `undefined` when it is not. */
export function versionProblem(version: string, { apiVersion, minApiVersion }: Identity): string | undefined {
  if (compareApiVersions(version, minApiVersion) < 0) {
    return `client version ${version} is too old. Minimum supported API version is ${minApiVersion}, please upgrade your client to a newer version`;
  }
  if (compareApiVersions(version, apiVersion) > 0) {
    return `client version ${version} is too new. Maximum supported API version is ${apiVersion}`;
  }
  return undefined;
}

/** The headers of every answer that is skep's own. */
export const identityHeaders = (identity: Identity): Record<string, string> => ({
  "Api-Version": identity.apiVersion,
  "Docker-Experimental": String(identity.experimental),
  Ostype: identity.os,
  Server: `Docker/${identity.engineVersion} (${identity.os})`,
});
