import { rpcError, type ServiceSpec } from "@skep/model";

/**
 * What Docker Swarm has and this version of skep does not yet. Each is refused with 501 and changes nothing, so that
 * nothing half works. A part that arrives removes its line here.
 */
export const notYet = {
  jobs: "job modes (replicated-job, global-job) are not available yet; use a replicated or global service",
  secrets: "secrets are not available yet; a service cannot refer to one",
  configs: "configs are not available yet; a service cannot refer to one",
  encryption:
    "encrypted overlay networks are not available: this version cannot encrypt between nodes; leave out --opt encrypted, and run the nodes over a network that is private or encrypted itself",
  ipv6: "IPv6 is not available on overlay networks yet; leave out --ipv6 and IPv6 subnets",
  localNetworks: (driver: string) =>
    `networks of driver ${driver} with swarm scope are not available; make an overlay network, or a local one on each node`,
  genericResources: "generic resources are not available yet; reserve CPU and memory only",
  runtime: (runtime: string) => `tasks of runtime ${runtime} are not available; use containers`,
  promotion: "more than one manager is not available yet; the node stays a worker",
  caRotation: "rotating or replacing the swarm's certificate authority is not available yet",
  autolock: "locking managers (autolock) is not available yet",
  forceNewCluster: "force-new-cluster is not available yet; this swarm has one manager only",
} as const;

export const unimplemented = (message: string) => rpcError("Unimplemented", message);

/** Throws 501 when a valid service asks for a part of Swarm that is still missing. */
export function refuseNotYet(spec: ServiceSpec): void {
  const { ContainerSpec: container, Resources: resources } = spec.TaskTemplate;
  if (container?.Secrets?.length) throw unimplemented(notYet.secrets);
  if (container?.Configs?.length) throw unimplemented(notYet.configs);
  if (spec.Mode?.ReplicatedJob || spec.Mode?.GlobalJob) throw unimplemented(notYet.jobs);
  if (resources?.Reservations?.GenericResources?.length) throw unimplemented(notYet.genericResources);
}
