import type { Rendered } from "../render/rendered.ts";
import type { CheckFailure } from "./alerts.ts";
import { type Applied, type ApplyOptions, ConfigRejected } from "./applied.ts";
import type { Driver } from "./driver.ts";
import { type Settled, type SettleOptions, settle } from "./quarantine.ts";

export interface BestApplied<Version> extends Settled<Version> {
  readonly applied: Applied;
}

/**
 * Brings the most of what is wanted to life. Everything is tried by loading it, without asking HAProxy before: usually
 * that is all. When HAProxy refuses, the bad services are found by checks, and what remains is loaded. Throws
 * `ConfigRejected` when HAProxy takes a config and cannot load it (a port is taken), and `invalid-parameter` when it
 * refuses the config without any service.
 */
export async function applyBest<Version>(
  driver: Driver,
  options: Omit<SettleOptions<Version>, "check">,
  applyOptions: Omit<ApplyOptions, "unchecked"> = {},
): Promise<BestApplied<Version>> {
  let applied: Applied | undefined;
  let tried = false;
  const check = async (rendered: Rendered): Promise<CheckFailure | undefined> => {
    if (tried) return driver.check(rendered);
    tried = true;
    try {
      applied = await driver.apply(rendered, { ...applyOptions, unchecked: true });
      return undefined;
    } catch (error) {
      const failure = error instanceof ConfigRejected ? await driver.check(rendered) : undefined;
      if (!failure) throw error;
      return failure;
    }
  };
  const settled = await settle({ ...options, check });
  return { ...settled, applied: applied ?? (await driver.apply(settled.rendered, applyOptions)) };
}
