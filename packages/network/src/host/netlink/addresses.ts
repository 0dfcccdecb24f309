/** `10.0.1.5` as four bytes. */
export function ipv4Bytes(address: string): Buffer {
  const bytes = address.split(".").map(Number);
  if (bytes.length !== 4 || bytes.some((byte) => !Number.isInteger(byte) || byte < 0 || byte > 255)) {
    throw new TypeError(`not an IPv4 address: ${address}`);
  }
  return Buffer.from(bytes);
}

export const ipv4Text = (bytes: Buffer | undefined): string => (bytes?.length === 4 ? bytes.join(".") : "");

/** `02:42:0a:00:01:05` as six bytes. */
export function macBytes(mac: string): Buffer {
  if (!/^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/i.test(mac)) throw new TypeError(`not a MAC address: ${mac}`);
  return Buffer.from(mac.replaceAll(":", ""), "hex");
}

export const macText = (bytes: Buffer | undefined): string =>
  bytes ? Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join(":") : "";

/** `10.0.1.0/24`, `10.0.1.5` (one address) or `default` taken apart. */
export function parsePrefix(text: string): { readonly address: Buffer; readonly length: number } {
  if (text === "default") return { address: Buffer.alloc(4), length: 0 };
  const [address = "", length = "32"] = text.split("/");
  const bits = Number(length);
  if (!Number.isInteger(bits) || bits < 0 || bits > 32) throw new TypeError(`not a prefix: ${text}`);
  return { address: ipv4Bytes(address), length: bits };
}
