import type { Section } from "../config-text.ts";
import type { ServicePlan } from "./service-plan.ts";

/** The backends whose servers are tasks, or those whose servers are not; each service's users before its first. */
export const backendSections = (plans: readonly ServicePlan[], { byTask }: { readonly byTask: boolean }): Section[] =>
  plans.flatMap(({ owner, users, backends }) => {
    const here = backends
      .filter((backend) => backend.byTask === byTask)
      .map(({ name, lines }): Section => ({ header: `backend ${name}`, owners: [owner], blocks: [{ lines }] }));
    const first = backends[0]?.byTask ?? true;
    return users && first === byTask ? [users, ...here] : here;
  });

/** Something to send requests to while there are no services; nobody connects to it. */
export const dummySection: Section = {
  header: "backend dummy-be",
  blocks: [{ lines: ["mode http", "server dummy 1.1.1.1:1111 check disabled"] }],
};

export const dummyRules = ["acl url_dummy path_beg /dummy", "use_backend dummy-be if url_dummy"];
