import type { MergeContext } from "../merged/merge-context.ts";
import type { MergedRoute } from "../merged/merged-route.ts";
import type { NodeNetworks } from "../node-networks.ts";
import type { ApiRequest } from "../router.ts";
import { parseFilters } from "../wire/filters.ts";
import { isOnNetwork, listAttached } from "./render-attached.ts";

/** On every container of a task, and on no other. */
const taskLabel = "com.docker.swarm.task.id";

interface Summary {
  readonly Id: string;
  readonly Labels?: Readonly<Record<string, string>> | null;
  readonly NetworkSettings?: { readonly Networks?: Readonly<Record<string, { readonly NetworkID?: string }>> };
}

/**
 * The engine's list, with the networks of the containers that skep attaches. Two filters are skep's: `is-task`, as an
 * engine that is in no swarm takes no container for a task's, and `network` where it means one of the swarm's.
 */
export const listRoute = ({ engine, swarm }: MergeContext): MergedRoute => ({
  method: "GET",
  path: "/containers/json",
  async handle(request) {
    const networks = swarm.networks();
    const isTask = isTaskFilter(request);
    const onNetworks = networkFilter(request, networks);
    if (!onNetworks && !networks?.attachesAny) {
      if (isTask === undefined) return { passThrough: {} };
      if (isTask) return { passThrough: { target: targetOf(request, { label: [taskLabel] }) } };
    }
    const more = isTask === true ? { label: [taskLabel] } : {};
    const isCut = isTask === false || onNetworks !== undefined;
    const limit = isCut ? Number.parseInt(request.query.get("limit") ?? "", 10) || 0 : 0;
    // what the engine counts before some are taken out: the limit, and what it implies, move behind that
    const target = targetOf(request, more, limit > 0 ? { all: "1", limit: "0" } : {}, onNetworks !== undefined);
    const listed = await engine.json<Summary[]>("GET", target, { signal: request.signal });
    const wanted = listed.filter(
      (container) =>
        !(isTask === false && container.Labels?.[taskLabel] !== undefined) &&
        (onNetworks === undefined || onNetworks.some((term) => isOn(container, term, networks))),
    );
    const cut = limit > 0 ? wanted.slice(0, limit) : wanted;
    return { status: 200, json: cut.map((container) => shown(container, networks)) };
  },
});

function shown(container: Summary, networks: NodeNetworks | undefined): object {
  const attached = networks?.container(container.Id);
  return attached ? listAttached({ ...container }, attached) : container;
}

function isOn({ Id, NetworkSettings }: Summary, term: string, networks: NodeNetworks | undefined): boolean {
  const own = Object.entries(NetworkSettings?.Networks ?? {});
  if (own.some(([name, { NetworkID = "" }]) => name === term || NetworkID.startsWith(term))) return true;
  const attached = networks?.container(Id);
  return attached !== undefined && isOnNetwork(attached, term);
}

/** Undefined when the request does not ask, or asks something the engine has to refuse. */
function isTaskFilter({ query }: Pick<ApiRequest, "query">): boolean | undefined {
  if (!query.get("filters")?.includes("is-task")) return undefined;
  const [value, ...more] = parseFilters(query).get("is-task") ?? [];
  if (more.length > 0) return undefined;
  if (value === "true" || value === "1") return true;
  return value === "false" || value === "0" ? false : undefined;
}

/** The values of the filter `network` when one of them means an overlay; the engine knows the others itself. */
function networkFilter({ query }: ApiRequest, networks: NodeNetworks | undefined): readonly string[] | undefined {
  if (!networks || !query.get("filters")?.includes("network")) return undefined;
  const terms = parseFilters(query).get("network") ?? [];
  const means = (term: string) => networks.overlays().some(({ id, name }) => name === term || id.startsWith(term));
  return terms.some(means) ? terms : undefined;
}

/** The request's target without the filters that are skep's, with others and with parameters added. */
function targetOf(
  { apiVersion, query }: ApiRequest,
  moreFilters: Readonly<Record<string, readonly string[]>>,
  parameters: Readonly<Record<string, string>> = {},
  withoutNetwork = false,
): string {
  const filters = new Map(parseFilters(query));
  if (isTaskFilter({ query }) !== undefined) filters.delete("is-task");
  if (withoutNetwork) filters.delete("network");
  for (const [key, values] of Object.entries(moreFilters)) filters.set(key, [...(filters.get(key) ?? []), ...values]);
  const changed = new URLSearchParams(query);
  if (filters.size > 0 || query.has("filters")) changed.set("filters", JSON.stringify(Object.fromEntries(filters)));
  for (const [key, value] of Object.entries(parameters)) changed.set(key, value);
  return `/v${apiVersion}/containers/json?${changed}`;
}
