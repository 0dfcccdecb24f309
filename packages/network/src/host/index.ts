export * from "./kernel.ts";
export { check, failed, libc, SOCK_CLOEXEC, SOCK_DGRAM, SOCK_NONBLOCK, SOCK_STREAM } from "./libc.ts";
export { findListeners, holdPort } from "./listening-process.ts";
export { describeRequest, namespaceName } from "./netlink/describe.ts";
export { openKernel } from "./open-kernel.ts";
export { probePathMtu } from "./path-mtu.ts";
export type { Change } from "./watch.ts";
