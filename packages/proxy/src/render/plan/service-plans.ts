import { DomainError } from "@skep/model";
import { portsOf } from "../general/binds.ts";
import type { RenderedService, RenderInput } from "../input.ts";
import { Names } from "./names.ts";
import type { PlanService } from "./plan-cache.ts";
import { PortClaims, type PortConflict, type PortWish } from "./port-claims.ts";
import { inRuleOrder } from "./service-order.ts";
import { defaultUsers, type ServicePlan } from "./service-plan.ts";

export interface ServicePlans {
  /** In the order of their rules. */
  readonly plans: readonly ServicePlan[];
  readonly refusals: readonly Refusal[];
  readonly names: Names;
  /** The default ports are open: there are no services yet, or some speak HTTP. */
  readonly open: boolean;
  /** There are no services. */
  readonly isEmpty: boolean;
}

/** Why a service is not in the config. */
export interface Refusal {
  readonly serviceName: string;
  readonly reason: string;
  /** The service that is in its way. */
  readonly other?: string | undefined;
}

/** Each service is planned by itself, so that one that cannot be leaves the others alone. */
export function planServices(input: RenderInput, plan: PlanService): ServicePlans {
  const services = inRuleOrder(input.services).filter(({ replicas }) => replicas !== 0);
  const open = services.length === 0 || services.some(isHttp);
  const names = new Names();
  if (input.settings.users !== undefined) names.claim("userlist", defaultUsers);
  names.keep();
  const ports = ownPorts(input, open);
  const plans: ServicePlan[] = [];
  const refusals: Refusal[] = [];
  for (const service of services) {
    const planned = planOrRefusal(() => plan(input, service, names), service, names, ports);
    if ("reason" in planned) refusals.push(planned);
    else plans.push(planned);
  }
  return { plans, refusals, names, open, isEmpty: services.length === 0 };
}

const isHttp = ({ destinations }: RenderedService) => destinations.some(({ reqMode }) => reqMode === "http");

function planOrRefusal(
  planIt: () => ServicePlan,
  { serviceName }: RenderedService,
  names: Names,
  ports: PortClaims,
): ServicePlan | Refusal {
  try {
    const plan = planIt();
    const conflict = ports.claim(plan.streams.map(streamPort).concat(plan.groups.map(groupPort)), serviceName);
    if (conflict) return { serviceName, reason: conflictText(conflict), other: conflict.owner };
    names.keep();
    return plan;
  } catch (error) {
    if (error instanceof DomainError) return { serviceName, reason: error.message };
    throw error;
  } finally {
    names.drop(); // unless they were kept
  }
}

const streamPort = ({ mode, port }: ServicePlan["streams"][number]): PortWish => ({
  port,
  section: `frontend ${mode === "tcp" ? "tcpFE" : "service"}_${port}`,
});

const groupPort = ({ group, port }: ServicePlan["groups"][number]): PortWish => ({
  port,
  section: `listen tcpListen_${group}_${port}`,
});

const conflictText = ({ port, section, owner }: PortConflict) =>
  `srcPort ${port}: the port belongs to ${section}${owner === undefined ? "" : ` of service ${owner}`}`;

function ownPorts({ settings }: RenderInput, open: boolean): PortClaims {
  const { frontend, statistics, driver } = settings;
  const claims = new PortClaims();
  const binds = [...(open ? frontend.defaultPorts : []), ...frontend.bindPorts];
  claims.reserve(driver.reservedPorts, "the proxy itself");
  claims.reserve(statistics?.port === undefined ? [] : [statistics.port], "frontend stats");
  claims.reserve(driver.internal === undefined ? [] : [Number(/\d+$/.exec(driver.internal)?.[0])], "frontend internal");
  claims.reserve(binds.flatMap(portsOf), "frontend services");
  return claims;
}
