export type { ContainerStart } from "./container-start.ts";
export { type HostLine, renderHosts, writeHosts } from "./hosts-file.ts";
export { runtimeName, runtimeProblem } from "./runtime-problem.ts";
export { defaultRuntimeSocket, RuntimeServer, type RuntimeServerOptions } from "./runtime-server.ts";
export { wrapperPath } from "./wrapper-path.ts";
