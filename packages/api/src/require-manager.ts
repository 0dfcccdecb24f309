import { DomainError } from "@skep/model";
import type { ManagerAccess, SwarmNode, SwarmStatus } from "./swarm-node.ts";

/** The control plane of this node; throws as every swarm-scoped route does where there is none (`swarm-api.md` 2.5). */
export function requireManager(swarm: SwarmNode): ManagerAccess {
  const manager = swarm.manager();
  if (manager) return manager;
  throw new DomainError("unavailable", whyNoManager(swarm.status()));
}

/** Why this node cannot answer a cluster request, in Docker's words. */
export function whyNoManager(status: SwarmStatus): string {
  switch (status.state) {
    case "inactive":
      return notInSwarm;
    case "locked":
      return 'Swarm is encrypted and needs to be unlocked before it can be used. Please use "docker swarm unlock" to unlock it.';
    case "error":
      return certificatesExpired.test(status.error ?? "")
        ? "Swarm certificates have expired. To replace them, leave the swarm and join again."
        : preparing;
    default:
      return status.role === "worker" ? isWorker : preparing;
  }
}

export const notInSwarm =
  'This node is not a swarm manager. Use "docker swarm init" or "docker swarm join" to connect this node to swarm and try again.';
const isWorker =
  "This node is not a swarm manager. Worker nodes can't be used to view or modify cluster state. Please run this command on a manager node or promote the current node to a manager.";
const preparing =
  "This node is not a swarm manager. Manager is being prepared or has trouble connecting to the cluster.";
const certificatesExpired = /certificate.*expired/i;
