import type { HttpTransport } from "@skep/engine";
import { DomainError } from "@skep/model";
import type { MergeContext } from "../merged/merge-context.ts";
import type { MergedRoute } from "../merged/merged-route.ts";
import { peekBody } from "../merged/peek-body.ts";
import { attachableNetworks } from "../networks/known-networks.ts";
import type { NodeNetworks } from "../node-networks.ts";
import type { ApiRequest } from "../router.ts";
import type { ShownNetwork } from "../wire/render-network.ts";
import { exposedPorts, type OverlayContainer, overlayContainer } from "./create-request.ts";

/** docker's bodies are a few kB. */
const longestBodyBytes = 4 << 20;

/** Passed through, unless the container is to be on an overlay of the swarm: then the engine makes it without a network. */
export const createRoute = ({ engine, swarm }: MergeContext): MergedRoute => ({
  method: "POST",
  path: "/containers/create",
  async handle(request) {
    const networks = swarm.networks();
    const { start, rest } = await peekBody(request.body, longestBodyBytes);
    const asked = overlayContainer(parse(start), (term) => findOverlay(attachableNetworks(swarm), term));
    if (!asked) return { passThrough: { body: rest } };
    const created = await create(engine, networks, request, asked);
    return { status: 201, json: created };
  },
});

interface Created {
  readonly Id: string;
  readonly Warnings: readonly string[] | null;
}

async function create(
  engine: HttpTransport,
  networks: NodeNetworks | undefined,
  request: ApiRequest,
  { body, planned, dnsSearch, publishAll, image }: OverlayContainer,
): Promise<Created> {
  const containers = networks?.containers;
  if (!containers) throw new DomainError("unavailable", "this node's networks are not up yet: try again in a moment");
  const host = await containers.hostConfig(dnsSearch, planned.dnsOptions);
  const base = body.HostConfig as Readonly<Record<string, unknown>>;
  const prefix = `/v${request.apiVersion}`;
  const exposed = publishAll ? await exposedBy(engine, `${prefix}/images/${encodeURI(image)}/json`) : {};
  const all = { ...exposed, ...(body.ExposedPorts as object | undefined) };
  const hostPorts = [...planned.hostPorts, ...(publishAll ? exposedPorts(all, planned.hostPorts) : [])];
  const created = await engine.json<Created>("POST", `${prefix}/containers/create?${request.query}`, {
    body: { ...body, HostConfig: { ...host, ...base } },
    signal: request.signal,
  });
  try {
    const { Name } = await engine.json<{ readonly Name: string }>("GET", `${prefix}/containers/${created.Id}/json`, {});
    await containers.plan(created.Id, { ...planned, hostPorts, name: Name.replace(/^\//, "") });
  } catch (error) {
    await engine.open("DELETE", `${prefix}/containers/${created.Id}?force=1`, {}).then((answer) => answer.resume());
    throw error;
  }
  return created;
}

/** An image that is not there is the engine's to refuse. */
async function exposedBy(engine: HttpTransport, path: string): Promise<object> {
  try {
    const { Config } = await engine.json<{ readonly Config?: { readonly ExposedPorts?: object } }>("GET", path, {});
    return Config?.ExposedPorts ?? {};
  } catch {
    return {};
  }
}

/** By id, name, or the beginning of an id, as the engine finds its own. */
function findOverlay(overlays: readonly ShownNetwork[], term: string): ShownNetwork | undefined {
  if (term === "") return undefined;
  const exact = overlays.find(({ id, spec }) => id === term || spec.Name === term);
  const prefixed = term.length < shownIdLength ? [] : overlays.filter(({ id }) => id.startsWith(term));
  return exact ?? (prefixed.length === 1 ? prefixed[0] : undefined);
}

/** What `docker network ls` shows; less may be the name of one of the engine's. */
const shownIdLength = 12;

/** What is no JSON is the engine's to refuse. */
function parse(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString());
  } catch {
    return undefined;
  }
}
