export * from "./swarm-node.ts";
