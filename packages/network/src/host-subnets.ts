import { formatBlock, parseBlock } from "@skep/model";
import type { InterfaceAddress, Route } from "./host/kernel.ts";
import { uplink } from "./overlay/addresses.ts";

/** What an overlay must not overlap: where this node's own interfaces and routes lead, skep's own and the default left out. */
export function subnetsOfHostRoutes(routes: readonly Route[], addresses: readonly InterfaceAddress[]): string[] {
  const routed = routes
    .filter(({ destination, device }) => destination !== "default" && device !== uplink.host)
    .map(({ destination }) => destination);
  const connected = addresses
    .filter(({ device, address }) => device !== "lo" && device !== uplink.host && !address.endsWith("/32"))
    .flatMap(({ address }) => parseBlock(address) ?? [])
    .map(formatBlock);
  return [...new Set([...routed, ...connected])].sort();
}
