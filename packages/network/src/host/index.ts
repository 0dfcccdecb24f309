export * from "./kernel.ts";
export { describeRequest } from "./netlink/describe.ts";
export { openKernel } from "./open-kernel.ts";
