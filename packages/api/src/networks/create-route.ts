import { createNetwork } from "@skep/manager";
import { DomainError, type NetworkSpec, rpcError } from "@skep/model";
import { canonicalKeys } from "../canonical-keys.ts";
import type { MergedRequest, MergedRoute } from "../merged/merged-route.ts";
import type { NetworkContext } from "../merged/networks.ts";
import { peekBody } from "../merged/peek-body.ts";
import { parseJsonBody } from "../request-body.ts";
import { notInSwarm, requireManager } from "../require-manager.ts";
import type { ManagerAccess, SwarmNode } from "../swarm-node.ts";
import { type NetworkBody, parseNetworkBody } from "../wire/network-spec.ts";
import type { NetworkResource } from "../wire/render-network.ts";
import { knownNetworks } from "./known-networks.ts";
import { isPredefined } from "./network-filters.ts";

/** A network's description is small; one that is longer than this goes to the engine unread. */
const longestPeekBytes = 1 << 20;

/** `POST /networks/create`: a network of the swarm, or of the engine. Their names are one another's. */
export const createRoute = ({ engine, swarm }: NetworkContext): MergedRoute => ({
  method: "POST",
  path: "/networks/create",
  async handle(request) {
    const { start, rest } = await peekBody(request.body, longestPeekBytes);
    const asked = askedFor(start);
    if (!asked.ofSwarm) {
      refuseTakenName(
        asked.name,
        knownNetworks(swarm).map(({ spec }) => spec.Name),
      );
      return { passThrough: { body: rest } };
    }
    const { store, control } = requireNetworkManager(swarm);
    const spec = specOf(parseNetworkBody(parseJsonBody(start, request.headers["content-type"])));
    refuseTakenName(
      spec.Name,
      knownNetworks(swarm).map((network) => network.spec.Name),
    );
    refusePredefined(spec.Name);
    refuseTakenName(spec.Name, await localNames(engine, request));
    return { status: 201, json: { Id: await createNetwork(store, spec, control), Warning: "" } };
  },
});

interface Asked {
  readonly ofSwarm: boolean;
  readonly name: string;
}

function askedFor(body: Buffer): Asked {
  try {
    const keys = ["Name", "Driver", "Scope", "Ingress", "ConfigOnly"];
    const { Name, Driver, Scope, Ingress, ConfigOnly } = canonicalKeys(JSON.parse(body.toString()), keys);
    const ofSwarm = Scope === "swarm" || (!ConfigOnly && (Driver === "overlay" || Ingress === true));
    return { ofSwarm, name: String(Name ?? "") };
  } catch {
    return { ofSwarm: false, name: "" }; // not JSON: the engine says what is wrong with it
  }
}

/** Words and statuses of `swarm-api.md` section 2.5: other ones than for services. */
function requireNetworkManager(swarm: SwarmNode): ManagerAccess {
  const { state, role } = swarm.status();
  if (state === "inactive") throw new DomainError("unavailable", notInSwarm);
  if (role === "worker") {
    throw new DomainError(
      "forbidden",
      "Cannot create a multi-host network from a worker node. Please create the network from a manager node.",
    );
  }
  return requireManager(swarm);
}

function specOf({ EnableIPv4, ConfigOnly, ConfigFrom, ...spec }: NetworkBody): NetworkSpec {
  if (EnableIPv4 === false)
    throw new DomainError("invalid-parameter", "IPv4 cannot be disabled on networks of the swarm");
  if (ConfigOnly || ConfigFrom?.Network) {
    throw rpcError(
      "Unimplemented",
      "networks of the swarm are not made from configurations of one node: leave out config-only and config-from",
    );
  }
  return spec;
}

function refuseTakenName(name: string, taken: readonly string[]): void {
  if (!taken.some((each) => each === name)) return;
  throw new DomainError("conflict", `network with name ${name} already exists`);
}

function refusePredefined(name: string): void {
  if (!isPredefined(name)) return;
  throw new DomainError("forbidden", `operation is not permitted on predefined ${name} network `);
}

async function localNames(engine: NetworkContext["engine"], request: MergedRequest): Promise<readonly string[]> {
  const { apiVersion, signal } = request;
  const networks = await engine.json<readonly NetworkResource[]>("GET", `/v${apiVersion}/networks`, { signal });
  return networks.map(({ Name }) => Name);
}
