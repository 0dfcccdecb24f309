import { bare } from "@skep/model";
import type { AttachedContainer } from "../node-networks.ts";

type Fields = Readonly<Record<string, unknown>>;

/** `GET /containers/{id}/json` with the networks of the swarm, as Docker Swarm shows them (captures containers/inspect-full). */
export function inspectAttached(engine: Fields, attached: AttachedContainer): Fields {
  const { HostConfig, NetworkSettings, Config, Id } = engine as {
    readonly HostConfig?: Fields;
    readonly NetworkSettings?: Fields & { readonly Networks?: Fields };
    readonly Config?: { readonly Hostname?: string };
    readonly Id?: string;
  };
  const names = [...new Set([(Id ?? "").slice(0, 12), Config?.Hostname ?? ""])].filter(Boolean);
  return {
    ...engine,
    HostConfig: { ...HostConfig, ...(HostConfig?.Runtime === "skep" && { Runtime: "runc" }), ...attached.asked },
    NetworkSettings: {
      ...NetworkSettings,
      Networks: mergedNetworks(NetworkSettings?.Networks, attached, names),
      ...(isRunning(attached) && {
        Ports: { ...(NetworkSettings?.Ports as Fields | undefined), ...bindingsOf(attached, "0.0.0.0") },
      }),
    },
  };
}

/** An entry of `GET /containers/json`. */
export function listAttached(engine: Fields, attached: AttachedContainer): Fields {
  const { NetworkSettings, HostConfig, Ports } = engine as {
    readonly NetworkSettings?: { readonly Networks?: Fields };
    readonly HostConfig?: Fields;
    readonly Ports?: readonly Fields[];
  };
  const published = isRunning(attached)
    ? attached.ports.map(({ protocol, published, target }) => ({
        IP: "0.0.0.0",
        PrivatePort: target,
        PublicPort: published,
        Type: protocol,
      }))
    : [];
  const isPublished = (port: Fields) =>
    published.some(({ PrivatePort, Type }) => port.PrivatePort === PrivatePort && port.Type === Type);
  return {
    ...engine,
    Ports: [...(Ports ?? []).filter((port) => !isPublished(port)), ...published],
    HostConfig: { ...HostConfig, NetworkMode: attached.asked.NetworkMode ?? HostConfig?.NetworkMode },
    NetworkSettings: {
      Networks: mergedNetworks(NetworkSettings?.Networks, attached, undefined),
    },
  };
}

/** Names and ids of the overlays it is on. */
export const isOnNetwork = ({ networks }: AttachedContainer, term: string): boolean =>
  networks.some(({ network: { id, name } }) => name === term || id.startsWith(term));

const isRunning = ({ networks }: AttachedContainer) => networks.some(({ endpoint }) => endpoint !== undefined);

/**
 * The engine's own stay, but for its `none`, which is how it leaves a container to skep. `names`: what it is called
 * everywhere, beside its aliases; the list of containers has neither.
 */
function mergedNetworks(
  own: Fields | undefined,
  attached: AttachedContainer,
  names: readonly string[] | undefined,
): Fields {
  const { none: _, ...others } = own ?? {};
  const overlays = attached.networks.map(({ network, aliases, wanted, endpoint }) => [
    network.name,
    {
      IPAMConfig: ipamConfig(endpoint ? bare(endpoint.address) : wanted),
      Links: null,
      Aliases: names ? [...new Set([...aliases, ...names])] : null,
      NetworkID: network.id,
      EndpointID: endpoint?.endpointId ?? "",
      Gateway: "",
      IPAddress: endpoint ? bare(endpoint.address) : "",
      IPPrefixLen: endpoint ? Number(endpoint.address.split("/")[1]) : 0,
      IPv6Gateway: "",
      GlobalIPv6Address: "",
      GlobalIPv6PrefixLen: 0,
      MacAddress: endpoint?.mac ?? "",
      DriverOpts: null,
    },
  ]);
  return { ...others, ...Object.fromEntries(overlays) };
}

const ipamConfig = (address: string | undefined) => (address === undefined ? null : { IPv4Address: address });

const bindingsOf = ({ ports }: AttachedContainer, HostIp: string): Fields =>
  Object.fromEntries(
    [...Map.groupBy(ports, ({ protocol, target }) => `${target}/${protocol}`)].map(([key, group]) => [
      key,
      group.map(({ published }) => ({ HostIp, HostPort: published === 0 ? "" : String(published) })),
    ]),
  );
