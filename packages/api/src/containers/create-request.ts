import { isIPv4 } from "node:net";
import { DomainError, type NetworkId, type PublishedPort } from "@skep/model";
import { canonicalKeys } from "../canonical-keys.ts";
import type { PlannedContainer } from "../node-networks.ts";

type Fields = Readonly<Record<string, unknown>>;
/** The overlay that a name or an id means; undefined when it is none of the swarm's. */
type FindOverlay = (term: string) => { readonly id: NetworkId } | undefined;

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
  const body = canonicalKeys(sent, ["HostConfig", "NetworkingConfig", "ExposedPorts", "Image", "MacAddress"]);
  const host = canonicalKeys(fields(body.HostConfig), hostKeys);
  const networking = canonicalKeys(fields(body.NetworkingConfig), ["EndpointsConfig"]);
  const endpoints = fields(networking.EndpointsConfig);
  const mode = text(host.NetworkMode);
  const others = Object.fromEntries(Object.entries(endpoints).filter(([name]) => !find(name)));
  // networks that are named take the place of the default one, as in moby's `updateContainerNetworkSettings`
  const isDefaultLeft = ["", "default"].includes(mode) && Object.keys(others).length === 0;
  const isOverlayMode = find(mode) !== undefined || isDefaultLeft;
  const names = [...new Set([...(find(mode) ? [mode] : []), ...Object.keys(endpoints)])];
  const wanted = names.flatMap((name) => {
    const overlay = find(name);
    return overlay ? [{ overlay, ...wishesOf(fields(endpoints[name])) }] : [];
  });
  if (wanted.length === 0) return undefined;
  refuseMixture(mode, isOverlayMode, Object.keys(others), names.find((name) => find(name)) ?? "");
  refuseRuntime(text(host.Runtime));
  if (text(body.MacAddress)) throw ownMac();
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
  const { Aliases, IPAMConfig, MacAddress } = canonicalKeys(endpoint, ["Aliases", "IPAMConfig", "MacAddress"]);
  const { IPv4Address, IPv6Address } = canonicalKeys(fields(IPAMConfig), ["IPv4Address", "IPv6Address"]);
  if (text(MacAddress)) throw ownMac();
  if (text(IPv4Address) && !isIPv4(text(IPv4Address))) throw invalid(`invalid IPv4 address: ${text(IPv4Address)}`);
  if (text(IPv6Address)) throw invalid("IPv6 addresses are not available on overlay networks");
  return { aliases: [...new Set(texts(Aliases))], address: text(IPv4Address) };
}

function portsOf(bindings: Fields): PublishedPort[] {
  return Object.entries(bindings).flatMap(([key, value]) => {
    const target = parseTarget(key);
    return (Array.isArray(value) ? value : []).map((binding): PublishedPort => {
      const { HostIp, HostPort } = canonicalKeys(fields(binding), ["HostIp", "HostPort"]);
      refuseHostAddress(text(HostIp));
      if (text(HostPort).includes("-"))
        throw invalid(`a range of host ports, ${HostPort}, is not available ${onOverlays}`);
      const published = Number(text(HostPort) || 0);
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
    `publishing on ${address} alone is not available ${onOverlays}: leave the address out to publish on all of the node's`,
  );
}

function refuseRuntime(runtime: string): void {
  if (["", "runc", "skep"].includes(runtime)) return;
  throw invalid(
    `a container on an overlay network runs under skep's own runtime, not under ${runtime}: leave --runtime out, or use another network`,
  );
}

/** The engine's own default network is the only one that gets along with overlays from a container's start on. */
function refuseMixture(mode: string, isOverlayMode: boolean, others: readonly string[], overlay: string): void {
  if (mode === "host" || mode.startsWith("container:"))
    throw invalid(
      "container sharing network namespace with another container or host cannot be connected to any other network",
    );
  if (mode === "none")
    throw invalid("container cannot be connected to multiple networks with one of the networks in private (none) mode");
  const builtIn = ["", "default", "bridge"];
  const other = isOverlayMode ? others[0] : [mode, ...others].find((name) => !builtIn.includes(name));
  if (other === undefined) return;
  throw invalid(
    `a container cannot be created on ${overlay}, an overlay of the swarm, and on ${other} at once: create it on ${other}, then docker network connect ${overlay}`,
  );
}

const onOverlays = "for containers on overlay networks";
const ownMac = () => invalid(`a MAC address of one's own is not available ${onOverlays}`);
const invalid = (message: string) => new DomainError("invalid-parameter", message);
const isObject = (value: unknown): value is Fields =>
  value !== null && typeof value === "object" && !Array.isArray(value);
const fields = (value: unknown): Fields => (isObject(value) ? value : {});
const text = (value: unknown): string => (typeof value === "string" ? value : "");
const texts = (value: unknown): readonly string[] =>
  Array.isArray(value) ? value.filter((item) => typeof item === "string") : [];
