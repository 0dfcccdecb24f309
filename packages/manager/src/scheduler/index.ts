export { ConstraintEnforcer, type ConstraintEnforcerOptions } from "./constraint-enforcer.ts";
export { Scheduler, type SchedulerOptions } from "./scheduler.ts";
export type { PickIndex } from "./spread.ts";
