import type { Route } from "../router.ts";
import type { ManagerAccess, SwarmNode } from "../swarm-node.ts";
import { renderCluster } from "../wire/render-swarm.ts";
import type { MergeContext } from "./merge-context.ts";

/** The engine's own answer, with this node's place in the swarm (`swarm-api.md` section 11.1). */
export function infoRoutes({ engine, swarm }: MergeContext): Route[] {
  return [
    {
      method: "GET",
      path: "/info",
      async handle({ apiVersion, signal }) {
        const info = await engine.json<EngineInfo>("GET", `/v${apiVersion}/info`, { signal });
        return { status: 200, json: { ...withOverlay(info), Swarm: renderSwarmInfo(swarm) } };
      },
    },
  ];
}

interface EngineInfo {
  readonly Plugins?: { readonly Network?: readonly string[] | null };
}

/** Tools look here for what networks they may ask for; ours does not depend on the engine's. */
function withOverlay(info: EngineInfo): EngineInfo {
  const drivers = info.Plugins?.Network;
  if (!drivers || drivers.includes("overlay")) return info;
  return { ...info, Plugins: { ...info.Plugins, Network: [...drivers, "overlay"].sort() } };
}

export function renderSwarmInfo(swarm: SwarmNode) {
  const status = swarm.status();
  const manager = swarm.manager();
  return {
    NodeID: status.nodeId ?? "",
    NodeAddr: status.nodeAddr ?? "",
    LocalNodeState: status.state,
    ControlAvailable: manager !== undefined,
    Error: status.error ?? "",
    RemoteManagers: status.remoteManagers?.map(({ nodeId, addr }) => ({ NodeID: nodeId, Addr: addr })) ?? null,
    ...(manager ? renderClusterInfo(manager) : {}),
  };
}

function renderClusterInfo({ store }: ManagerAccess) {
  const state = store.view();
  const [cluster] = state.all("cluster");
  return {
    Nodes: state.count("node"),
    Managers: state.find("node", "role", "manager").length,
    ...(cluster ? { Cluster: renderCluster(cluster) } : {}),
  };
}
