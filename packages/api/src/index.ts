export * from "./require-manager.ts";
export * from "./router.ts";
export * from "./swarm-node.ts";
