import { isIP } from "node:net";

/** `10.0.0.0/8`, `fd00::/8` or one address; undefined when the text is none of them. An address gets its full length. */
export function subnetOf(text: string): string | undefined {
  const [address = "", length, ...rest] = text.split("/");
  const bits = { 0: 0, 4: 32, 6: 128 }[isIP(address)] ?? 0;
  if (bits === 0 || rest.length > 0) return undefined;
  if (length === undefined) return `${address}/${bits}`;
  return /^\d{1,3}$/.test(length) && Number(length) <= bits ? text : undefined;
}
