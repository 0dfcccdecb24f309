import { fileURLToPath } from "node:url";
import { defaultMachineRoot } from "@skep/machine";

/** Where everything of a quickstart is; `down` removes all of it but the repository. */
export interface Places {
  /** The folder of this repository; commands run in it. */
  readonly repository: string;
  /** The folder of the nodes. */
  readonly root: string;
  /** The quickstart's own folder, beside that of the nodes. Its existence says that the nodes are the quickstart's. */
  readonly state: string;
  readonly log: string;
  /** Where the commands keep their temporary files. */
  readonly temporary: string;
}

export const nodeNames = ["node-1", "node-2", "node-3"] as const;

const repository = fileURLToPath(new URL("../../..", import.meta.url)).replace(/\/$/, "");

export function placesOf(environment: NodeJS.ProcessEnv): Places {
  const root = (environment.SKEP_MACHINE_ROOT || defaultMachineRoot).replace(/\/+$/, "");
  const state = `${root}-quickstart`;
  return { repository, root, state, log: `${state}/log`, temporary: `${state}/tmp` };
}

/** Every process that a quickstart starts has it, so that the next one finds those that a killed one has left. */
export const markerVariable = "SKEP_QUICKSTART";

/** Would lead the docker CLI elsewhere, or change what it prints. */
const misleading =
  /^(DOCKER_(CONTEXT|TLS|TLS_VERIFY|CERT_PATH|API_VERSION|DEFAULT_PLATFORM|CONTENT_TRUST|HIDE_LEGACY_COMMANDS)|https?_proxy|all_proxy)$/i;

/** The environment of the story's commands: the caller's, but docker speaks to `dockerHost` and nobody asks a web proxy. */
export function commandEnvironment(
  environment: NodeJS.ProcessEnv,
  places: Places,
  dockerHost: string | undefined,
): NodeJS.ProcessEnv {
  const kept = Object.entries(environment).filter(([name]) => !misleading.test(name) && name !== "DOCKER_HOST");
  return {
    ...Object.fromEntries(kept),
    PATH: `${environment.PATH ?? ""}:/usr/local/sbin:/usr/sbin:/sbin:/usr/bin:/bin`,
    SKEP_MACHINE_ROOT: places.root,
    DOCKER_CONFIG: `${places.state}/docker-config`,
    TMPDIR: places.temporary,
    NO_PROXY: "*",
    [markerVariable]: places.state,
    ...(dockerHost !== undefined && { DOCKER_HOST: dockerHost }),
  };
}
