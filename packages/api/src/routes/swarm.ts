import { clusterOf, notYet, unimplemented, updateSwarm } from "@skep/manager";
import { DomainError } from "@skep/model";
import { requireManager } from "../require-manager.ts";
import type { Route } from "../router.ts";
import type { SwarmNode } from "../swarm-node.ts";
import { parseClusterSpec } from "../wire/cluster-spec.ts";
import { checkedInitRequest, parseInitBody } from "../wire/init-request.ts";
import { checkedJoinRequest, parseJoinBody } from "../wire/join-request.ts";
import { lenientFlag, rotateFlag, versionOf } from "../wire/query.ts";
import { renderSwarm } from "../wire/render-swarm.ts";
import { decode, struct, text } from "../wire/schema.ts";
import type { ClusterRouteOptions } from "./cluster.ts";

/** `swarm-api.md` section 3. */
export const swarmRoutes = ({ swarm }: ClusterRouteOptions): readonly Route[] => [
  {
    method: "GET",
    path: "/swarm",
    handle() {
      const cluster = clusterOf(requireManager(swarm).store.view());
      if (!cluster) throw new DomainError("not-found", "cluster default not found");
      return { status: 200, json: renderSwarm(cluster) };
    },
  },
  {
    method: "POST",
    path: "/swarm/init",
    async handle(request) {
      const body = parseInitBody(await request.json());
      if (body.ForceNewCluster && swarm.status().state !== "inactive") throw unimplemented(notYet.forceNewCluster);
      refuseMember(swarm);
      return { status: 200, json: await swarm.init(checkedInitRequest(body)) };
    },
  },
  {
    method: "POST",
    path: "/swarm/join",
    async handle(request) {
      const body = parseJoinBody(await request.json());
      refuseMember(swarm);
      await swarm.join(checkedJoinRequest(body));
      return { status: 200 };
    },
  },
  {
    method: "POST",
    path: "/swarm/leave",
    async handle({ query }) {
      const force = lenientFlag(query, "force");
      checkLeave(swarm, force);
      await swarm.leave(force);
      return { status: 200 };
    },
  },
  {
    method: "POST",
    path: "/swarm/update",
    async handle(request) {
      const spec = parseClusterSpec(await request.json());
      const version = versionOf(request.query, "swarm");
      const worker = rotateFlag(request.query, "rotateWorkerToken");
      const managers = rotateFlag(request.query, "rotateManagerToken");
      const unlockKey = rotateFlag(request.query, "rotateManagerUnlockKey");
      const manager = requireManager(swarm);
      if (unlockKey) throw unimplemented(notYet.autolock);
      await updateSwarm(manager.store, version, spec);
      if (worker) await manager.rotateJoinToken("worker");
      if (managers) await manager.rotateJoinToken("manager");
      return { status: 200 };
    },
  },
  {
    method: "GET",
    path: "/swarm/unlockkey",
    handle() {
      requireManager(swarm);
      return { status: 200, json: { UnlockKey: "" } };
    },
  },
  {
    method: "POST",
    path: "/swarm/unlock",
    async handle(request) {
      decode(unlockBody, await request.json(), "swarm.UnlockRequest");
      requireManager(swarm);
      throw new DomainError("conflict", "swarm is not locked");
    },
  },
];

const unlockBody = struct<{ readonly UnlockKey?: string }>("UnlockRequest", { UnlockKey: text });

const unavailable = (message: string) => new DomainError("unavailable", message);

function refuseMember(swarm: SwarmNode): void {
  if (swarm.status().state === "inactive") return;
  throw unavailable(
    'This node is already part of a swarm. Use "docker swarm leave" to leave this swarm and join another one.',
  );
}

/** A manager leaves with force only. There is one manager, so it is always the last one. */
function checkLeave(swarm: SwarmNode, force: boolean): void {
  const { state, role } = swarm.status();
  if (state === "inactive") throw unavailable("This node is not part of a swarm");
  if (role !== "manager" || force) return;
  throw unavailable(
    "You are attempting to leave the swarm on a node that is participating as a manager. Removing the last manager erases all current state of the swarm. Use `--force` to ignore this message. ",
  );
}
