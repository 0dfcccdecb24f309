import type { HttpTransport } from "@skep/engine";
import { lookUp } from "@skep/manager";
import { DomainError } from "@skep/model";
import type { ApiRequest } from "../router.ts";
import type { SwarmNode } from "../swarm-node.ts";
import type { NetworkResource, ShownNetwork } from "../wire/render-network.ts";

/** Where a network was found; of the engine's, the engine itself tells. */
export type FoundNetwork = { readonly of: "swarm"; readonly network: ShownNetwork } | { readonly of: "engine" };

export interface Search {
  readonly engine: Pick<HttpTransport, "json">;
  readonly request: Pick<ApiRequest, "apiVersion" | "signal">;
  /** Those of the swarm that come into question. */
  readonly candidates: readonly ShownNetwork[];
}

/**
 * The network a path means: exact id, else exact name, else the beginning of an id, among the engine's and the swarm's
 * together, as moby's `getNetwork`. What only the engine can know it is asked for, and then says itself what is wrong.
 */
export async function findNetwork(term: string, { engine, request, candidates }: Search): Promise<FoundNetwork> {
  const byId = candidates.find(({ id }) => id === term);
  if (byId) return { of: "swarm", network: byId };
  const named = candidates.filter(({ spec }) => spec.Name === term);
  const prefixed = term === "" ? [] : candidates.filter(({ id }) => id.startsWith(term));
  if (named.length + prefixed.length === 0) return { of: "engine" };
  const { apiVersion, signal } = request;
  const local = await engine.json<readonly NetworkResource[]>("GET", `/v${apiVersion}/networks`, { signal });
  if (local.some(({ Id }) => Id === term)) return { of: "engine" };
  const names = [...named, ...local.filter(({ Name }) => Name === term)];
  if (names.length > 1) throw ambiguous(term, `${names.length} matches found on name`);
  const [network] = named;
  if (network) return { of: "swarm", network };
  if (names.length === 1) return { of: "engine" };
  const ids = [...prefixed, ...local.filter(({ Id }) => Id.startsWith(term))];
  const [only] = prefixed;
  if (ids.length > 1 || !only) throw ambiguous(term, `${ids.length} matches found based on ID prefix`);
  return { of: "swarm", network: only };
}

/** As `?scope=swarm` looks it up; finds `host` and `bridge` of the swarm too. Undefined where the swarm has no say. */
export function findInSwarm(
  swarm: SwarmNode,
  term: string,
  candidates: readonly ShownNetwork[],
): ShownNetwork | undefined {
  const manager = swarm.manager();
  if (manager) return lookUp(manager.store.view(), "network", term);
  return candidates.find(({ id, spec }) => id === term || spec.Name === term);
}

const ambiguous = (term: string, how: string) =>
  new DomainError("invalid-parameter", `network ${term} is ambiguous (${how})`);
