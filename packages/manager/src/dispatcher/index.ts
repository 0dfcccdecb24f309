export { Dispatcher, type DispatcherOptions, type Progress, type ServerCertificate } from "./dispatcher.ts";
export type { PortHolder, ProbedPort } from "./port-probes.ts";
