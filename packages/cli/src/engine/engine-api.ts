import { requestOver } from "@skep/machine";
import { DomainError } from "@skep/model";

/** What the engine's `/info` tells of a runtime. */
export interface EngineRuntime {
  readonly path?: string;
  readonly runtimeArgs?: readonly string[] | null;
}

export interface EngineInfo {
  readonly ServerVersion: string;
  readonly DefaultRuntime?: string;
  readonly Runtimes?: Readonly<Record<string, EngineRuntime>> | null;
}

const answerMs = 30_000;

/** The engine's `/info`; undefined when nothing answers on its socket. */
export async function engineInfo(socket: string): Promise<EngineInfo | undefined> {
  try {
    return (await get(socket, "/info")) as EngineInfo;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ECONNREFUSED") return undefined;
    throw error;
  }
}

/** The names of all containers, running or not, that are to run under `runtime`. */
export async function containersOf(socket: string, runtime: string): Promise<string[]> {
  const containers = (await get(socket, "/containers/json?all=1")) as { readonly Id: string }[];
  const names: string[] = [];
  for (const { Id } of containers) {
    const container = (await get(socket, `/containers/${Id}/json`)) as Container | undefined;
    if (container?.HostConfig.Runtime === runtime) names.push(container.Name.replace(/^\//, ""));
  }
  return names;
}

interface Container {
  readonly Name: string;
  readonly HostConfig: { readonly Runtime?: string };
}

/** Undefined when it is not there (any more). */
async function get(socket: string, path: string): Promise<unknown> {
  const { status, body } = await requestOver(socket, path, { signal: AbortSignal.timeout(answerMs) });
  if (status === 404) return undefined;
  if (status !== 200) throw new DomainError("unavailable", `the engine on ${socket} answers ${status}: ${body.trim()}`);
  return JSON.parse(body);
}
