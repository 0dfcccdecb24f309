import type { NetworkInterfaceInfo } from "node:os";
import { blockHolds, parseAddress, parseBlock } from "@skep/model";
import type { ApiNetwork, ControlSettings } from "../settings/index.ts";

type Interfaces = Readonly<Record<string, readonly NetworkInterfaceInfo[] | undefined>>;

/**
 * Where the control API listens: everywhere the operator has not said otherwise, else on this host's addresses in those
 * networks, and on 127.0.0.1 for health checks.
 */
export function apiAddresses({ address, networks }: ControlSettings, interfaces: Interfaces): string[] {
  if (networks.length === 0) return [address];
  const own = Object.entries(interfaces).flatMap(([name, found]) =>
    (found ?? [])
      .filter(({ family }) => family === "IPv4")
      .filter((each) => networks.some((network) => isIn(network, name, each.address)))
      .map((each) => each.address),
  );
  return [...new Set(["127.0.0.1", ...own])];
}

function isIn(network: ApiNetwork, name: string, address: string): boolean {
  if (network.kind === "interface") return network.name === name;
  const block = parseBlock(network.subnet);
  const number = parseAddress(address);
  return block !== undefined && number !== undefined && blockHolds(block, number);
}
