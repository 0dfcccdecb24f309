import type { PortConfig, Service, ServiceId } from "@skep/model";
import type { Reader } from "@skep/store";
import type { PortTest } from "./allocate-service.ts";

/** Docker's range for ports that the operator leaves open. */
export const firstAutomaticPort = 30000;
export const lastAutomaticPort = 32767;

/** A service, or one that is to be. */
export interface Publisher extends Pick<Service, "spec" | "endpoint"> {
  readonly id: ServiceId | undefined;
}

/**
 * The ports of the service's spec, each published one with its number: chosen ports that it has already stay. One that
 * another service took meanwhile, or for which no number is left, stays without.
 */
export function allocatePorts(reader: Reader, service: Publisher, isHeld: PortTest): PortConfig[] {
  const wanted = service.spec.EndpointSpec?.Ports ?? [];
  if (!wanted.some(isIngress)) return [...wanted];
  const taken = takenPorts(reader, service.id);
  const reserve = (port: PortConfig) => taken.add(keyOf(port));
  const given = wanted.map((port): PortConfig => {
    if (!isIngress(port) || !port.PublishedPort) return port;
    if (!taken.has(keyOf(port))) return port;
    const { PublishedPort: _, ...open } = port;
    return open;
  });
  for (const port of given) if (port.PublishedPort) reserve(port);
  const had = [...(service.endpoint.ports ?? [])].filter(({ PublishedPort }) => PublishedPort);
  return given.map((port, i) => {
    if (!isIngress(port) || wanted[i]?.PublishedPort) return port;
    const number = keptNumber(port, had, taken) ?? freeNumber(port, taken, isHeld);
    if (number === undefined) return port;
    const { PublishMode, ...rest } = port;
    const published: PortConfig = { ...rest, PublishedPort: number, ...(PublishMode && { PublishMode }) };
    reserve(published);
    return published;
  });
}

/** Of a port that is the same but for its number; in the range only, as it was chosen then. */
function keptNumber(port: PortConfig, had: readonly PortConfig[], taken: ReadonlySet<string>): number | undefined {
  return had.find(
    (each) =>
      isIngress(each) &&
      each.TargetPort === port.TargetPort &&
      protocolOf(each) === protocolOf(port) &&
      isAutomatic(each) &&
      !taken.has(keyOf(each)),
  )?.PublishedPort;
}

function freeNumber(port: PortConfig, taken: ReadonlySet<string>, isHeld: PortTest): number | undefined {
  for (let published = firstAutomaticPort; published <= lastAutomaticPort; published++) {
    const isTaken = taken.has(keyOf({ ...port, PublishedPort: published }));
    if (!isTaken && !isHeld({ protocol: protocolOf(port), published })) return published;
  }
  return undefined;
}

/** How many of the free numbers nodes are asked about: a chosen one may be a process's. */
const candidates = 64;

/** The next numbers that no service has, lowest first. */
export function automaticCandidates(reader: Reader, protocol: NonNullable<PortConfig["Protocol"]>): number[] {
  const taken = takenPorts(reader, undefined);
  const free: number[] = [];
  for (let port = firstAutomaticPort; port <= lastAutomaticPort && free.length < candidates; port++) {
    if (!taken.has(keyOf({ Protocol: protocol, PublishedPort: port }))) free.push(port);
  }
  return free;
}

/** What other services have, in either mode: a host-mode port is nobody else's in the mesh. */
function takenPorts(reader: Reader, self: ServiceId | undefined): Set<string> {
  const taken = new Set<string>();
  for (const other of reader.all("service")) {
    if (other.id === self) continue;
    for (const port of [...(other.endpoint.ports ?? []), ...(other.spec.EndpointSpec?.Ports ?? [])]) {
      if (port.PublishedPort) taken.add(keyOf(port));
    }
  }
  return taken;
}

const isIngress = ({ PublishMode }: PortConfig) => (PublishMode ?? "ingress") === "ingress";
const isAutomatic = ({ PublishedPort = 0 }: PortConfig) =>
  PublishedPort >= firstAutomaticPort && PublishedPort <= lastAutomaticPort;
const protocolOf = ({ Protocol }: PortConfig) => Protocol ?? "tcp";
const keyOf = (port: PortConfig) => `${protocolOf(port)}/${port.PublishedPort}`;
