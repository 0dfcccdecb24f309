import type { InterfaceAddress, Route } from "./host/kernel.ts";
import { uplink } from "./overlay/addresses.ts";

/** What an overlay must not overlap: where this node's own interfaces and routes lead, skep's own and the default left out. */
export function subnetsOfHostRoutes(routes: readonly Route[], addresses: readonly InterfaceAddress[]): string[] {
  const routed = routes
    .filter(({ destination, device }) => destination !== "default" && device !== uplink.host)
    .map(({ destination }) => destination);
  const connected = addresses
    .filter(({ device, address }) => device !== "lo" && device !== uplink.host && !address.endsWith("/32"))
    .map(({ address }) => networkOf(address));
  return [...new Set([...routed, ...connected])].sort();
}

/** `172.17.0.1/16` → `172.17.0.0/16`. */
function networkOf(cidr: string): string {
  const [address = "", bits = "32"] = cidr.split("/");
  const value = address.split(".").reduce((sum, part) => sum * 256 + Number(part), 0);
  const size = 2 ** (32 - Number(bits));
  const start = Math.floor(value / size) * size;
  return `${[24, 16, 8, 0].map((shift) => Math.floor(start / 2 ** shift) % 256).join(".")}/${bits}`;
}
