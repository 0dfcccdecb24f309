import type { ContainerSpec } from "@skep/model";
import { runtimeName } from "@skep/runtime";
import type { EngineFields } from "../task/engine-fields.ts";

/** Of the node's own resolv.conf. */
export interface ResolverDefaults {
  readonly search: readonly string[];
  readonly options: readonly string[];
}

/**
 * The engine's configuration of a container that skep attaches: the engine gives it no network and no ports, and its
 * resolver is skep's. `--dns-search .` means no search domain at all, as in Docker.
 */
export function networkConfig(config: EngineFields, spec: ContainerSpec, defaults: ResolverDefaults): EngineFields {
  const { PortBindings: _, ...host } = (config.HostConfig ?? {}) as EngineFields;
  return {
    ...config,
    HostConfig: {
      ...host,
      Runtime: runtimeName,
      NetworkMode: "none",
      ...resolverConfig(spec.DNSConfig?.Search, spec.DNSConfig?.Options, defaults),
    },
  };
}

/** What makes the engine write a resolv.conf with skep's resolver and nothing of the node's by accident. */
export function resolverConfig(
  search: readonly string[] | undefined,
  options: readonly string[] | undefined,
  defaults: ResolverDefaults,
): EngineFields {
  const domains = search?.length ? search : defaults.search;
  const wanted = options?.length ? options : defaults.options;
  const hasNdots = wanted.some((option) => option.startsWith("ndots:"));
  return {
    Dns: ["127.0.0.11"],
    DnsSearch: domains.length > 0 ? domains : ["."],
    DnsOptions: hasNdots ? wanted : [...wanted, "ndots:0"],
  };
}
