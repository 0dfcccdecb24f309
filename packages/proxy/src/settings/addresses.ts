import { isIP } from "node:net";
import { subnetOf } from "../service/subnet.ts";
import type { ApiNetwork } from "./settings.ts";
import type { Variables } from "./variables.ts";

export const readSubnets = (variables: Variables, name: string): string[] =>
  variables
    .list(name)
    .map((text) => subnetOf(text) ?? variables.refuse(name, text, "subnets such as 10.0.0.0/8, separated by commas"));

/** An interface's name: as Linux takes it, at most 15 characters. */
const interfaceName = /^[A-Za-z][\w.@-]{0,14}$/;

export const readApiNetworks = (variables: Variables): ApiNetwork[] =>
  variables.list("API_NETWORKS").map((text): ApiNetwork => {
    const subnet = subnetOf(text);
    if (subnet !== undefined) return { kind: "subnet", subnet };
    if (interfaceName.test(text)) return { kind: "interface", name: text };
    return variables.refuse("API_NETWORKS", text, "subnets (10.0.0.0/8) or interfaces (eth0), separated by commas");
  });

/** An address to listen on. */
export function readAddress(variables: Variables, name: string, otherwise: string): string {
  const address = variables.text(name, otherwise);
  return isIP(address) > 0 ? address : variables.refuse(name, address, "an IP address");
}

/** `host`, `host:port` or `http://host`, as they are. */
export const readListenerAddresses = (variables: Variables): string[] =>
  variables.list("LISTENER_ADDRESS").map((address) => {
    const url = URL.parse(/^https?:\/\//.test(address) ? address : `http://${address}`);
    const known = url !== null && url.hostname !== "" && /^\S+$/.test(address);
    return known ? address : variables.refuse("LISTENER_ADDRESS", address, "host names, with a port or not");
  });
