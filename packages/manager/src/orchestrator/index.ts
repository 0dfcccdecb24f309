export type { ServiceView } from "./context.ts";
export { Orchestrator, type OrchestratorOptions } from "./orchestrator.ts";
export { isOutdated } from "./outdated.ts";
export { describePlan, type Plan, type SlotPlan, stepsOf, wakeAtOf } from "./plan.ts";
export { planService, planSlots } from "./plan-service.ts";
export { sameSpec } from "./same-spec.ts";
export { describeStep, type Step } from "./step.ts";
