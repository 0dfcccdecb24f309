import type { ProxyService } from "../service/index.ts";
import { type LiveConfig, RejectedRoute } from "./live-config.ts";

/** Prints the paths of what it runs; refuses paths with "bad" in them, and everything while it is `away`. */
export class FakeHaproxy implements LiveConfig {
  passes = 0;
  away = false;
  /** What each pass ends with; undefined for the usual. */
  failure: Error | undefined;
  live: readonly string[] = [];

  async apply(...[services, render]: Parameters<LiveConfig["apply"]>) {
    this.passes++;
    await Promise.resolve();
    if (this.failure) throw this.failure;
    if (this.away) throw new RejectedRoute("haproxy is away", false);
    const rejected = new Map<string, string>();
    const chosen = services.flatMap(({ serviceName, versions }) => {
      const good = versions.find((version) => !pathOf(version).includes("bad"));
      if (good !== versions[0]) rejected.set(serviceName, `unknown path ${pathOf(versions[0])}`);
      return good ?? [];
    });
    this.live = chosen.map(pathOf);
    return { rendered: render(chosen), rejected };
  }
}

export const pathOf = (service: ProxyService | undefined) => service?.destinations[0]?.servicePath[0] ?? "";
