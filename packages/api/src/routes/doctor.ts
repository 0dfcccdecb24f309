import type { Route } from "../router.ts";

/** What was found out about one thing that skep needs. */
export interface Finding {
  /** What was looked at, in a few words; several findings may share them. */
  readonly check: string;
  /** `warning`: works, but not as it should, or not for long. */
  readonly state: "ok" | "warning" | "problem";
  readonly what: string;
  /** What to do; absent when all is well. */
  readonly advice?: string;
}

/** `skep doctor` asks here; on every node, in a swarm or not. */
export const doctorRoute = (examine: () => Promise<readonly Finding[]>): Route => ({
  method: "GET",
  path: "/skep/doctor",
  handle: async () => ({ status: 200, json: { Findings: await examine() } }),
});
