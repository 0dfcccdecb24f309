export { hasCode } from "./has-code.ts";
export * from "./kernel.ts";
export { findListener, holdPort } from "./listening-process.ts";
export { describeRequest, namespaceName } from "./netlink/describe.ts";
export { openKernel } from "./open-kernel.ts";
export { probePathMtu } from "./path-mtu.ts";
export type { Change } from "./watch.ts";
