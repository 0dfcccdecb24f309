export { Dispatcher, type DispatcherOptions, type Progress, type ServerCertificate } from "./dispatcher.ts";
