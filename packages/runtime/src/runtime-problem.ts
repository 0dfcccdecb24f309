/** What an engine calls the wrapper, and containers on skep's networks ask for. */
export const runtimeName = "skep";

/** The part of the engine's `/info` that tells its runtimes. */
interface EngineRuntimes {
  readonly Runtimes?: Readonly<Record<string, unknown>> | null;
}

/** Why an engine cannot start containers on skep's networks, with what to do; undefined when it can. */
export function runtimeProblem(info: EngineRuntimes): string | undefined {
  if (info.Runtimes?.[runtimeName] !== undefined) return undefined;
  return (
    `the Docker Engine has no runtime named ${runtimeName}, so containers cannot be attached to overlay networks: ` +
    "register it with: skep engine install (no container is restarted)"
  );
}
