import { createSocket } from "node:dgram";
import { once } from "node:events";
import { isIP } from "node:net";
import type { NetworkInterfaceInfo } from "node:os";
import { DomainError } from "@skep/model";

export const swarmPort = 2377;

type Interfaces = Readonly<Record<string, readonly NetworkInterfaceInfo[] | undefined>>;

const badAdvertise = "advertise address must be a non-zero IP address or network interface (with optional port number)";

/** `host:port` in its parts; brackets around an IPv6 address are taken off. The port is empty when there is none. */
export function splitHostPort(value: string): { readonly host: string; readonly port: string } {
  const bracketed = /^\[([^\]]*)\](?::(\d*))?$/.exec(value);
  if (bracketed) return { host: bracketed[1] ?? "", port: bracketed[2] ?? "" };
  if (isIP(value) === 6) return { host: value, port: "" };
  const colon = value.lastIndexOf(":");
  if (colon < 0) return { host: value, port: "" };
  return { host: value.slice(0, colon), port: value.slice(colon + 1) };
}

export const joinHostPort = (host: string, port: number): string =>
  isIP(host) === 6 ? `[${host}]:${port}` : `${host}:${port}`;

/** A manager's address with the swarm's port where none is given. */
export function withSwarmPort(remote: string): string {
  const { host, port } = splitHostPort(remote);
  return joinHostPort(host, Number(port || swarmPort));
}

/** `ListenAddr` with its interface name resolved and its port filled in. */
export function listenAddress(value: string, interfaces: Interfaces): string {
  const invalid = (why: string) => new DomainError("invalid-parameter", `invalid ListenAddr "${value}": ${why}`);
  if (value === "") throw invalid("invalid empty address");
  const { host, port } = splitHostPort(value);
  const address = isIP(host) ? host : addressOf(host, interfaces);
  if (address === undefined)
    throw invalid("listen address must be an IP address or network interface (with optional port number)");
  return joinHostPort(address, portOf(port) ?? raise(invalid(`invalid port ${port}`)));
}

/**
 * The address other nodes shall use: the one given, else a specific listen address, else the machine's only one.
 * Texts as moby's `daemon/cluster/listen_addr.go`.
 */
export function advertiseAddress(given: string, listenAddr: string, interfaces: Interfaces): string {
  const listen = splitHostPort(listenAddr);
  const defaultPort = portOf(listen.port) ?? swarmPort;
  if (given !== "") {
    const { host, port } = splitHostPort(given);
    const address = isIP(host) ? host : addressOf(host, interfaces);
    const number = port === "" ? defaultPort : portOf(port);
    if (address === undefined || isUnspecified(address) || number === undefined) {
      throw new DomainError("invalid-parameter", badAdvertise);
    }
    return joinHostPort(address, number);
  }
  const host = isUnspecified(listen.host) ? onlyAddress(interfaces) : listen.host;
  return joinHostPort(host, defaultPort);
}

/** The address of the overlays: given, or an interface's; empty when it is to follow the advertise address. */
export function dataPathAddress(given: string, interfaces: Interfaces): string {
  if (given === "") return "";
  const address = isIP(given) ? given : addressOf(given, interfaces);
  if (address !== undefined && !isUnspecified(address)) return address;
  throw new DomainError("invalid-parameter", "data path address must be a non-zero IP address or network interface");
}

/** The IPv4 networks this machine is in, CIDR; those that skep made aside. */
export const connectedSubnets = (interfaces: Interfaces): string[] =>
  Object.entries(interfaces)
    .filter(([name]) => !name.startsWith("skep"))
    .flatMap(([, infos]) => infos ?? [])
    .flatMap(({ family, internal, cidr }) => (family === "IPv4" && !internal && cidr ? [cidr] : []));

const isUnspecified = (host: string) => host === "0.0.0.0" || host === "::";

const raise = (error: Error): never => {
  throw error;
};

function portOf(text: string): number | undefined {
  if (text === "") return swarmPort;
  const port = Number(text);
  return /^\d{1,5}$/.test(text) && port > 0 && port < 65536 ? port : undefined;
}

function addressOf(name: string, interfaces: Interfaces): string | undefined {
  const usable = (interfaces[name] ?? []).filter((info) => !info.address.startsWith("fe80:"));
  return (usable.find((info) => info.family === "IPv4") ?? usable[0])?.address;
}

/** Interfaces that containers made; nobody reaches this machine through them. */
const isContainers = (name: string) => /^(docker0|docker_gwbridge|br-|veth|skep)/.test(name);

function onlyAddress(interfaces: Interfaces): string {
  const candidates = Object.entries(interfaces)
    .filter(([name]) => !isContainers(name))
    .flatMap(([name, infos]) => (infos ?? []).map((info) => ({ name, ...info })))
    .filter((info) => !info.internal && !info.address.startsWith("fe80:"));
  const v4 = candidates.filter((info) => info.family === "IPv4");
  const found = v4.length > 0 ? v4 : candidates;
  const [first, second] = found;
  if (first === undefined) {
    throw new DomainError(
      "invalid-parameter",
      "could not find the system's IP address - specify one with --advertise-addr",
    );
  }
  if (second === undefined) return first.address;
  const where =
    first.name === second.name
      ? `on interface ${first.name} (${first.address} and ${second.address})`
      : `on different interfaces (${first.address} on ${first.name} and ${second.address} on ${second.name})`;
  throw new DomainError(
    "invalid-parameter",
    `could not choose an IP address to advertise since this system has multiple addresses ${where} - specify one with --advertise-addr`,
  );
}

/** This machine's address on the way to `remote` (`host:port`), as the kernel would choose it. Sends nothing. */
export async function localAddressTowards(remote: string): Promise<string> {
  const { host, port } = splitHostPort(remote);
  const socket = createSocket(isIP(host) === 6 ? "udp6" : "udp4");
  try {
    socket.connect(portOf(port) ?? swarmPort, host);
    await once(socket, "connect");
    return socket.address().address;
  } finally {
    socket.close();
  }
}
