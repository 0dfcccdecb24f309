export { Cluster, type ClusterOptions } from "./cluster.ts";
export * from "./documentation/index.ts";
export * from "./fake-clock.ts";
export * from "./fake-engine.ts";
export { freePort } from "./free-port.ts";
export { PrivateEngine, privateEngineProblem } from "./private-engine.ts";
export { type CommandResult, type RunCommandOptions, runCommand } from "./run-command.ts";
export { buildTestImage, type ImageRecipe } from "./test-image.ts";
