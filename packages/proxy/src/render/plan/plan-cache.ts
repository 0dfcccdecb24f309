import type { RenderedService, RenderInput } from "../input.ts";
import type { RenderSettings } from "../settings.ts";
import type { Claim } from "./names.ts";
import { planService, type ServicePlan } from "./service-plan.ts";

export type PlanService = typeof planService;

interface Known {
  readonly settings: RenderSettings;
  readonly around: string;
  readonly claims: readonly Claim[];
  readonly plan: ServicePlan;
}

/**
 * A `planService` that remembers what it has made of each service, so that a change costs what has changed. A plan depends
 * on nothing but the settings, the service, what is around it, and which of the names that it asks for are free.
 */
export function rememberPlans(planAnew: PlanService = planService): PlanService {
  const plans = new WeakMap<RenderedService, Known>();
  return (input, service, names) => {
    const { settings } = input;
    const around = surroundings(input, service);
    const known = plans.get(service);
    if (known?.settings === settings && known.around === around && names.claimAgain(known.claims)) return known.plan;
    const plan = planAnew(input, service, names);
    plans.set(service, { settings, around, claims: names.recent, plan });
    return plan;
  };
}

/** What a service's plan is made from besides the service and the settings. */
function surroundings({ tasks, idle, snippets }: RenderInput, { serviceName, destinations }: RenderedService): string {
  const hosts = [serviceName, ...destinations.map(({ outboundHostname }) => outboundHostname)];
  return JSON.stringify([hosts.map((host) => [tasks.get(host), idle?.has(host)]), snippets.get(serviceName)]);
}
