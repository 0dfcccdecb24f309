import type { Line } from "../config-text.ts";

/** A backend, and in which part of the config it stands. */
export interface BackendPlan {
  readonly name: string;
  readonly lines: readonly Line[];
  /** See `ServerPlan`. */
  readonly byTask: boolean;
}
