export { ConstraintEnforcer, type ConstraintEnforcerOptions } from "./constraint-enforcer.ts";
export { NodeLoad, type NodeSummary } from "./node-load.ts";
export { type Circumstances, type Placement, type Schedule, schedule } from "./schedule.ts";
export { Scheduler, type SchedulerOptions } from "./scheduler.ts";
export type { PickIndex } from "./spread.ts";
