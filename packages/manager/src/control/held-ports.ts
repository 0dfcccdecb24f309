import { type PortConfig, rpcError, type Service, type ServiceSpec, type TransportProtocol } from "@skep/model";
import type { Reader } from "@skep/store";
import { allocatePorts, automaticCandidates, type PortTest } from "../allocator/index.ts";
import type { ControlContext, HeldPort } from "./context.ts";

/** What processes of the nodes have of the ports that a service is to get. */
export interface HeldPorts {
  readonly isHeld: PortTest;
  /** The holder of a port, where there is one. */
  holder(port: PortConfig): HeldPort | undefined;
}

/** Asks the nodes about the ingress ports that the service has not got already, chosen by number or still to be chosen. */
export async function heldPorts(
  reader: Reader,
  spec: ServiceSpec,
  current: Service | undefined,
  { probePorts }: ControlContext,
): Promise<HeldPorts> {
  const ports = portsToProbe(reader, spec, current);
  const held = ports.length > 0 ? await probePorts(ports) : [];
  const byPort = new Map(held.map((each) => [`${each.protocol}/${each.published}`, each]));
  return {
    isHeld: ({ protocol, published }) => byPort.has(`${protocol}/${published}`),
    holder: ({ Protocol, PublishedPort }) => byPort.get(`${Protocol ?? "tcp"}/${PublishedPort}`),
  };
}

/** In the style of Docker's message for ports of other services. */
export function refuseHeldPorts({ EndpointSpec: endpoint }: ServiceSpec, { holder }: HeldPorts): void {
  for (const port of endpoint?.Ports ?? []) {
    const held = port.PublishMode === "ingress" && port.PublishedPort ? holder(port) : undefined;
    if (!held) continue;
    const process = held.process ?? "another process";
    throw rpcError(
      "InvalidArgument",
      `port '${port.PublishedPort}' is already in use on node ${held.node} by ${process}`,
    );
  }
}

interface Probed {
  readonly protocol: TransportProtocol;
  readonly published: number;
}

/** Where a number has to be chosen, the next ones that could be. */
function portsToProbe(reader: Reader, spec: ServiceSpec, current: Service | undefined): Probed[] {
  const has = new Set((current?.endpoint.ports ?? []).filter(isIngress).map(keyOf));
  const wanted = spec.EndpointSpec?.Ports ?? [];
  if (!wanted.some(isIngress)) return [];
  const chosen = allocatePorts(reader, { id: current?.id, spec, endpoint: current?.endpoint ?? {} }, () => false);
  return chosen.flatMap((port, i): Probed[] => {
    const protocol = port.Protocol ?? "tcp";
    if (!isIngress(port) || !port.PublishedPort || has.has(keyOf(port))) return [];
    if (wanted[i]?.PublishedPort) return [{ protocol, published: port.PublishedPort }];
    return automaticCandidates(reader, protocol).map((published) => ({ protocol, published }));
  });
}

const isIngress = ({ PublishMode }: PortConfig) => PublishMode === "ingress";
const keyOf = ({ Protocol, PublishedPort }: PortConfig) => `${Protocol ?? "tcp"}/${PublishedPort}`;
