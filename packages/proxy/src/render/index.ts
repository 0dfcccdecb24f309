export { errorCodes } from "./general/defaults.ts";
export { accessLogFormat } from "./http/access-log.ts";
export type {
  DestinationLimits,
  RenderInput,
  RenderPaths,
  ServiceSnippets,
  UserSnippet,
  UserSnippets,
} from "./input.ts";
export { type PlanService, rememberPlans } from "./plan/plan-cache.ts";
export { type RenderedServices, render } from "./render.ts";
export type { Blame, Rendered, TaskServer } from "./rendered.ts";
export { driverOptions, type RenderSettings } from "./settings.ts";
