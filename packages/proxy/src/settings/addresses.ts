import { isIP } from "node:net";
import type { ApiNetwork } from "./settings.ts";
import type { Variables } from "./variables.ts";

/** `10.0.0.0/8`, `fd00::/8` or one address; undefined when the text is none of them. An address gets its full length. */
export function subnetOf(text: string): string | undefined {
  const [address = "", length, ...rest] = text.split("/");
  const bits = { 0: 0, 4: 32, 6: 128 }[isIP(address)] ?? 0;
  if (bits === 0 || rest.length > 0) return undefined;
  if (length === undefined) return `${address}/${bits}`;
  return /^\d{1,3}$/.test(length) && Number(length) <= bits ? text : undefined;
}

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

export function checkUrl(variables: Variables, name: string, url: string): string {
  const protocol = URL.parse(url)?.protocol;
  return protocol === "http:" || protocol === "https:" ? url : variables.refuse(name, url, "http:// or https:// URLs");
}

/** `host`, `host:port` or `http://host`, as they are. */
export const readListenerAddresses = (variables: Variables): string[] =>
  variables.list("LISTENER_ADDRESS").map((address) => {
    const url = URL.parse(/^https?:\/\//.test(address) ? address : `http://${address}`);
    const known = url !== null && url.hostname !== "" && /^\S+$/.test(address);
    return known ? address : variables.refuse("LISTENER_ADDRESS", address, "host names, with a port or not");
  });
