import { renderCrtList } from "../certificates/crt-list.ts";
import { type Section, writeConfig } from "./config-text.ts";
import { defaultsSection, hasOwnPort } from "./general/defaults.ts";
import { globalSection, resolversSection } from "./general/global.ts";
import { type Snippets, sectionsOf, snippetsOf, strayLine } from "./general/snippets.ts";
import { internalSection, statisticsSections } from "./general/statistics.ts";
import { userList } from "./general/user-lists.ts";
import { mapOf, servicesFrontend } from "./http/services-frontend.ts";
import type { RenderInput } from "./input.ts";
import { word } from "./language/quote.ts";
import type { PlanService } from "./plan/plan-cache.ts";
import { backendSections, dummySection } from "./plan/service-backends.ts";
import { compare } from "./plan/service-order.ts";
import { defaultUsers, planService } from "./plan/service-plan.ts";
import { planServices, type Refusal, type ServicePlans } from "./plan/service-plans.ts";
import type { Rendered } from "./rendered.ts";
import { streamFrontends } from "./stream/stream-frontends.ts";
import { groupSections } from "./stream/tcp-groups.ts";

export interface RenderedServices extends Rendered {
  /**
   * Why services, or users' files, are not in the config. For a service the config has an `.alert` instead that is due
   * to it, so that HAProxy refuses the config in the same words.
   */
  readonly refused: ReadonlyMap<string, string>;
}

/**
 * haproxy.cfg and what belongs to it; `plan` may remember plans. Throws a DomainError for a setting that has no place in it,
 * never for a service.
 */
export function render(input: RenderInput, plan: PlanService = planService): RenderedServices {
  const planned = planServices(input, plan);
  const snippets = snippetsOf(input, planned.plans);
  const misplaced = snippets.backend.filter((snippet) => strayLine(snippet) !== undefined);
  const map = mapOf(input, planned, snippets.frontend);
  const crtList = crtListOf(input);
  const frontend = { ...planned, map, snippets: snippets.frontend, crtList: crtList?.path };
  const sections = [
    globalSection(input),
    resolversSection(input, planned.plans.flatMap(({ backends }) => backends).length),
    ...(input.settings.users === undefined ? [] : [userList(defaultUsers, input.settings.users)]),
    defaultsSection(input, { backup: true }),
    servicesFrontend(input, frontend),
    ...otherFrontends(input, planned),
    ...backendSections(planned.plans, { byTask: true }),
    ...(planned.isEmpty && snippets.backend.length + snippets.frontend.length === 0 ? [dummySection] : []),
    ...plainSections(input, planned, {
      ...snippets,
      backend: snippets.backend.filter((snippet) => !misplaced.includes(snippet)),
    }),
    ...planned.refusals.map(alert),
  ];
  const list = crtList?.text === undefined ? [] : [[crtList.path, crtList.text] as const];
  return {
    ...writeConfig(sections),
    files: new Map([...map.files, ...list]),
    refused: new Map([
      ...planned.refusals.map(({ serviceName, reason }) => [serviceName, reason] as const),
      ...misplaced.map(({ owner }) => [owner, "it does not begin with a section"] as const),
    ]),
  };
}

function otherFrontends({ settings }: RenderInput, { plans }: ServicePlans): Section[] {
  const { statistics, driver } = settings;
  const byName = plans.toSorted((a, b) => compare(a.aclName, b.aclName));
  return [
    ...(statistics?.port !== undefined && hasOwnPort(statistics)
      ? statisticsSections(statistics, statistics.port, settings)
      : []),
    ...streamFrontends(
      byName.flatMap(({ streams }) => streams),
      settings,
    ),
    ...groupSections(
      byName.flatMap(({ groups }) => groups),
      settings,
    ),
    ...(driver.internal === undefined ? [] : [internalSection(driver.internal)]),
  ];
}

/** Sections whose servers are no backups, behind defaults of their own. */
function plainSections(input: RenderInput, { plans }: ServicePlans, snippets: Snippets): Section[] {
  const sections = [
    ...backendSections(plans, { byTask: false }),
    ...[...snippets.frontend, ...snippets.backend].flatMap(sectionsOf),
  ];
  return sections.length === 0 ? [] : [defaultsSection(input, { backup: false }), ...sections];
}

/** The list of certificates that binds name; undefined when there are none. The operator's own is not written. */
function crtListOf({ settings, certificates, paths }: RenderInput) {
  const own = settings.tls.crtListPath;
  if (own !== "") return { path: own, text: undefined };
  const text = renderCrtList(certificates.map((path) => ({ path })));
  return certificates.length === 0 ? undefined : { path: paths.crtList, text };
}

function alert({ serviceName, reason, other }: Refusal): Section {
  const text = `service ${serviceName}: ${reason}`.replace(/\p{Cc}/gu, "?");
  const owners = [serviceName, ...(other === undefined ? [] : [other])];
  return { blocks: [{ owners, lines: [`.alert ${word("reason", text)}`] }] };
}
