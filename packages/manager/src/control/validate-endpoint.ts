import { type EndpointSpec, type PortConfig, rpcError, type Service, type ServiceSpec } from "@skep/model";

const invalid = (message: string) => rpcError("InvalidArgument", message);

/** The ports of one spec among themselves. A port without a published number conflicts with none. */
export function validateEndpoint(endpoint: EndpointSpec | undefined): void {
  const seen = new Set<string>();
  for (const port of endpoint?.Ports ?? []) {
    for (const number of [port.TargetPort ?? 0, port.PublishedPort ?? 0]) {
      if (number > 65535) throw invalid(`EndpointSpec: port ${number} is not between 0 and 65535`);
    }
    if (endpoint?.Mode === "dnsrr" && port.PublishMode === "ingress") {
      throw invalid("EndpointSpec: port published with ingress mode can't be used with dnsrr mode");
    }
    if (!port.PublishedPort) continue;
    if (seen.has(portKey(port))) throw invalid("EndpointSpec: duplicate published ports provided");
    seen.add(portKey(port));
  }
}

const portKey = (port: PortConfig) => `${port.PublishedPort}/${port.Protocol}`;

/**
 * The ports of a spec against those of all other services. Ingress ports are alone with their number; services may
 * share a host-mode port, as the scheduler keeps such tasks on different nodes.
 */
export function checkPortConflicts(spec: ServiceSpec, others: Iterable<Service>): void {
  const wanted = (spec.EndpointSpec?.Ports ?? []).filter((port) => port.PublishedPort);
  if (wanted.length === 0) return;
  const keysIn = (mode: PortConfig["PublishMode"]) =>
    new Set(wanted.filter((port) => port.PublishMode === mode).map(portKey));
  const ingress = keysIn("ingress");
  const host = keysIn("host");
  for (const service of others) {
    for (const port of [...(service.spec.EndpointSpec?.Ports ?? []), ...(service.endpoint.ports ?? [])]) {
      const key = portKey(port);
      const clash = ingress.has(key) || (port.PublishMode === "ingress" && host.has(key));
      if (clash)
        throw invalid(
          `port '${port.PublishedPort}' is already in use by service '${service.spec.Name}' (${service.id}) as ${kindOf(port)}`,
        );
    }
  }
}

const kindOf = (port: PortConfig) => (port.PublishMode === "ingress" ? "an ingress port" : "a host-published port");
