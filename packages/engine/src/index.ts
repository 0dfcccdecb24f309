export * from "./api-version.ts";
export * from "./engine.ts";
export * from "./engine-address.ts";
export { HttpEngine } from "./http-engine.ts";
export { type EngineCall, HttpTransport, maxHeaderSize } from "./http-transport.ts";
export { jsonLines } from "./json-lines.ts";
