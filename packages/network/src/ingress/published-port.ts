import type { PublishedPort, TransportProtocol } from "@skep/model";
import { at, hostPlace, type Placed } from "../aspect.ts";
import { targetsOf } from "../balancer/targets.ts";
import type { Item } from "../items/item.ts";
import { type NetworkState, portKey } from "../network-state.ts";
import { gatewayName } from "../overlay/addresses.ts";
import { hasGateway } from "../overlay/presence.ts";
import { routerTable } from "../overlay/router.ts";
import { hostTable } from "./host-rules.ts";

/**
 * A port that is published on every node, in the namespace of this one (for clients from outside and the node's own
 * processes) and in the gateway router (for containers that ask for any node's address).
 */
export function derivePort(state: NetworkState, key: string): Placed[] {
  const { ingress } = state;
  const found = publisherOf(state, key);
  if (!found || !ingress || !hasGateway(state) || state.takenPorts.has(key)) return [];
  const { service, port } = found;
  const targets = targetsOf(state, service, ingress.id);
  return [
    ...at(hostPlace, [...portItems(hostTable, "ports", "pub", port, targets), heldElement(port)]),
    ...at(gatewayName, portItems(routerTable, "ports", "pub", port, targets)),
  ];
}

/** Should two services claim a port, the manager is about to refuse one; the same on every node until then. */
function publisherOf(state: NetworkState, key: string) {
  const service = [...state.servicesOnPort.get(key)].sort()[0];
  const port = service && state.services.get(service)?.ports.find((each) => portKey(each) === key);
  return service && port ? { service, port } : undefined;
}

/** A port that a container of this node has published on this node alone. */
export const hostPortItems = (port: PublishedPort, target: string): Placed[] => [
  ...at(hostPlace, [...portItems(hostTable, "ports", "host", port, [target]), heldElement(port)]),
  ...at(gatewayName, portItems(routerTable, "hostports", "host", port, [target])),
];

function portItems(
  table: string,
  map: string,
  prefix: string,
  { protocol, published, target }: PublishedPort,
  targets: readonly string[],
): Item[] {
  const chain = `${prefix}_${protocol}_${published}`;
  return [
    {
      kind: "balancer",
      table,
      name: chain,
      targets,
      to: { protocol, port: target },
      ...(protocol === "udp" && { unanswered: { protocol, originalDestinationPort: published } }),
    },
    { kind: "element", table, set: map, key: portElement(protocol, published), value: `goto ${chain}` },
  ];
}

const heldElement = ({ protocol, published }: PublishedPort): Item => ({
  kind: "element",
  table: hostTable,
  set: "held",
  key: portElement(protocol, published),
});

const portElement = (protocol: TransportProtocol, port: number) => `${protocol} . ${port}`;
