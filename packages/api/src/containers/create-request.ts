import { DomainError, type OverlayRecord, type PublishedPort } from "@skep/model";
import { canonicalKeys } from "../canonical-keys.ts";
import type { PlannedContainer } from "../node-networks.ts";

type Fields = Readonly<Record<string, unknown>>;
/** The overlay that a name or an id means; undefined when it is none of the swarm's. */
type FindOverlay = (term: string) => OverlayRecord | undefined;

/** What the engine is to create in place of what was asked, and what skep does with it. */
export interface OverlayContainer {
  readonly body: Fields;
  readonly planned: Omit<PlannedContainer, "name">;
  readonly dnsSearch: readonly string[];
  /** Ports of the image are to be published too (`-P`). */
  readonly publishAll: boolean;
  readonly image: string;
}

/**
 * The body of `POST /containers/create` when it asks for overlays of the swarm; undefined when it does not. Throws what
 * a client is refused with. The engine gets the body without what is skep's.
 */
export function overlayContainer(sent: unknown, find: FindOverlay): OverlayContainer | undefined {
  if (!isObject(sent)) return undefined;
  const body = canonicalKeys(sent, ["HostConfig", "NetworkingConfig", "ExposedPorts", "Image"]);
  const host = canonicalKeys(fields(body.HostConfig), hostKeys);
  const networking = canonicalKeys(fields(body.NetworkingConfig), ["EndpointsConfig"]);
  const endpoints = fields(networking.EndpointsConfig);
  const mode = text(host.NetworkMode);
  const isOverlayMode = find(mode) !== undefined;
  const names = [...new Set([...(isOverlayMode ? [mode] : []), ...Object.keys(endpoints)])];
  const wanted = names.flatMap((name) => {
    const overlay = find(name);
    return overlay ? [{ overlay, ...wishesOf(fields(endpoints[name])) }] : [];
  });
  if (wanted.length === 0) return undefined;
  const others = Object.fromEntries(Object.entries(endpoints).filter(([name]) => !find(name)));
  if (isOverlayMode && Object.keys(others).length > 0) throw mixed(mode, Object.keys(others)[0] ?? "");
  refuseRuntime(text(host.Runtime));
  const { Dns, DnsSearch, DnsOptions, NetworkMode: _, Runtime: __, ...hostFields } = host;
  // the way out of a container that is on the engine's own network too is the engine's, and so are its ports
  const { PortBindings, PublishAllPorts, ...withoutPorts } = hostFields;
  return {
    body: {
      ...body,
      HostConfig: isOverlayMode ? withoutPorts : { ...hostFields, NetworkMode: mode },
      NetworkingConfig: { EndpointsConfig: others },
    },
    planned: {
      asked: askedOf(host, isOverlayMode),
      networks: wanted.map(({ overlay, aliases, address }) => ({
        networkId: overlay.id,
        aliases,
        ...(address && { address }),
      })),
      hostPorts: isOverlayMode ? portsOf(fields(PortBindings)) : [],
      servers: texts(Dns),
      dnsOptions: texts(DnsOptions),
    },
    dnsSearch: texts(DnsSearch),
    publishAll: isOverlayMode && PublishAllPorts === true,
    image: text(body.Image),
  };
}

/** Ports that `-P` publishes: those exposed and not bound already, each at a port of the node's choice. */
export function exposedPorts(exposed: unknown, bound: readonly PublishedPort[]): PublishedPort[] {
  return Object.keys(fields(exposed))
    .map((key) => ({ ...parseTarget(key), published: 0 }))
    .filter(({ protocol, target }) => !bound.some((port) => port.protocol === protocol && port.target === target));
}

/** What is put in place of it is not to be shown. */
const askedOf = (host: Fields, isOverlayMode: boolean): Fields =>
  Object.fromEntries(
    [...resolverKeys, ...(isOverlayMode ? ["NetworkMode", "PortBindings", "PublishAllPorts"] : [])].map((key) => [
      key,
      host[key] ?? null,
    ]),
  );

const resolverKeys = ["Dns", "DnsSearch", "DnsOptions"];
const hostKeys = ["NetworkMode", "Runtime", "Dns", "DnsSearch", "DnsOptions", "PortBindings", "PublishAllPorts"];

function wishesOf(endpoint: Fields): { aliases: readonly string[]; address: string } {
  const { Aliases, IPAMConfig } = canonicalKeys(endpoint, ["Aliases", "IPAMConfig"]);
  const { IPv4Address, IPv6Address } = canonicalKeys(fields(IPAMConfig), ["IPv4Address", "IPv6Address"]);
  if (text(IPv6Address)) throw invalid("IPv6 addresses are not available on overlay networks");
  return { aliases: texts(Aliases), address: text(IPv4Address) };
}

function portsOf(bindings: Fields): PublishedPort[] {
  return Object.entries(bindings).flatMap(([key, value]) => {
    const target = parseTarget(key);
    return (Array.isArray(value) ? value : []).map((binding): PublishedPort => {
      const { HostIp, HostPort } = canonicalKeys(fields(binding), ["HostIp", "HostPort"]);
      refuseHostAddress(text(HostIp));
      const [first = ""] = text(HostPort).split("-");
      const published = Number(first || 0);
      if (!(published >= 0 && published <= 65535)) throw invalid(`invalid port specification: "${text(HostPort)}"`);
      return { ...target, published };
    });
  });
}

function parseTarget(key: string): Pick<PublishedPort, "protocol" | "target"> {
  const [port = "", protocol = "tcp"] = key.split("/");
  const target = Number(port);
  if (protocol !== "tcp" && protocol !== "udp" && protocol !== "sctp") throw invalid(`invalid proto: ${protocol}`);
  if (!(target > 0 && target <= 65535)) throw invalid(`invalid port specification: "${key}"`);
  return { protocol, target };
}

/** Publishing on all addresses what was meant for one would open it to the world. */
function refuseHostAddress(address: string): void {
  if (["", "0.0.0.0", "::"].includes(address)) return;
  throw invalid(
    `publishing on ${address} alone is not available for containers on overlay networks: leave the address out to publish on all of the node's`,
  );
}

function refuseRuntime(runtime: string): void {
  if (["", "runc", "skep"].includes(runtime)) return;
  throw invalid(
    `a container on an overlay network runs under skep's own runtime, not under ${runtime}: leave --runtime out, or use another network`,
  );
}

const mixed = (overlay: string, other: string) =>
  invalid(
    `a container cannot be created on ${overlay}, an overlay of the swarm, and on ${other} at once: create it on one, then docker network connect the other`,
  );

const invalid = (message: string) => new DomainError("invalid-parameter", message);
const isObject = (value: unknown): value is Fields =>
  value !== null && typeof value === "object" && !Array.isArray(value);
const fields = (value: unknown): Fields => (isObject(value) ? value : {});
const text = (value: unknown): string => (typeof value === "string" ? value : "");
const texts = (value: unknown): readonly string[] =>
  Array.isArray(value) ? value.filter((item) => typeof item === "string") : [];
