import { DomainError, rpcError } from "@skep/model";
import { canonicalKeys } from "../canonical-keys.ts";
import type { MergedRequest, MergedResponse, MergedRoute } from "../merged/merged-route.ts";
import type { NetworkContext } from "../merged/networks.ts";
import type { ContainerNetworks } from "../node-networks.ts";
import type { SwarmNode } from "../swarm-node.ts";
import { parseConnectBody, parseDisconnectBody } from "../wire/connect-request.ts";
import type { ShownNetwork } from "../wire/render-network.ts";
import { findNetwork } from "./find-network.ts";
import { attachableNetworks } from "./known-networks.ts";

/** Attaching running containers: to the engine's networks by the engine, to the swarm's by the node's data plane. */
export const connectRoutes = ({ engine, swarm }: NetworkContext): MergedRoute[] => {
  const find = (request: MergedRequest) =>
    findNetwork(request.params.id ?? "", { engine, request, candidates: attachableNetworks(swarm) });
  return [
    {
      method: "POST",
      path: "/networks/{id}/connect",
      async handle(request) {
        const found = await find(request);
        if (found.of === "engine") return throughEngine(engine, swarm, request, "connect");
        const body = parseConnectBody(await request.json());
        refuseUnattachable(found.network);
        await containersOf(swarm).connect(found.network.id, body);
        return { status: 200 };
      },
    },
    {
      method: "POST",
      path: "/networks/{id}/disconnect",
      async handle(request) {
        const found = await find(request);
        if (found.of === "engine") return throughEngine(engine, swarm, request, "disconnect");
        await containersOf(swarm).disconnect(found.network.id, parseDisconnectBody(await request.json()));
        return { status: 200 };
      },
    },
  ];
};

/** A container that is on overlays too makes room for the engine meanwhile; it must not notice who gave it which. */
async function throughEngine(
  engine: NetworkContext["engine"],
  swarm: SwarmNode,
  request: MergedRequest,
  verb: "connect" | "disconnect",
): Promise<MergedResponse> {
  const networks = swarm.networks();
  if (!networks?.attachesAny || !networks.containers) return { passThrough: {} };
  const body = await request.json();
  const container = String(canonicalKeys(Object(body), ["Container"]).Container ?? "");
  if (container === "") throw new DomainError("invalid-parameter", "container name or ID is required");
  const call = (network: string, what: string, sent: unknown) =>
    engine.text("POST", `/v${request.apiVersion}/networks/${encodeURIComponent(network)}/${what}`, { body: sent });
  await networks.containers.throughEngine(container, async (isOnNone) => {
    const leavesNone = isOnNone && verb === "connect";
    if (leavesNone) await call("none", "disconnect", { Container: container });
    try {
      await call(request.params.id ?? "", verb, body);
    } catch (error) {
      if (leavesNone) await call("none", "connect", { Container: container });
      throw error;
    }
  });
  return { status: 200 };
}

function refuseUnattachable({ spec }: ShownNetwork): void {
  if (spec.Attachable) return;
  const { message } = rpcError("PermissionDenied", `network ${spec.Name} not manually attachable`);
  throw new DomainError("forbidden", `Could not attach to network ${spec.Name}: ${message}`);
}

function containersOf(swarm: SwarmNode): ContainerNetworks {
  const containers = swarm.networks()?.containers;
  if (containers) return containers;
  throw new DomainError("unavailable", "this node's networks are not up yet: try again in a moment");
}
