export { automaticCandidates } from "./allocate-ports.ts";
export { allocateService, endpointProblem, type PortTest } from "./allocate-service.ts";
export { allocateTask } from "./allocate-task.ts";
export { type Claim, claimAddress, claimWanted, releaseAddresses } from "./claim-address.ts";
export { claimDataPath, ipv4Of } from "./data-path.ts";
export { Ipam } from "./ipam.ts";
export { findNetwork, ingressNetwork, liveNetworks, networkConfigs, networkNamed, taskSpecOf } from "./networks-of.ts";
export type { ReleaseGate } from "./release-gate.ts";
