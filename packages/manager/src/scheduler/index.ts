export { NodeLoad, type NodeSummary } from "./node-load.ts";
export { type Circumstances, type Placement, type Schedule, schedule } from "./schedule.ts";
