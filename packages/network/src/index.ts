export type { Attached, AttachedInterface, NodeFacts, NodeNetwork } from "./node-network.ts";
export type { Sandbox, SandboxInterface, SandboxNames } from "./sandbox.ts";
