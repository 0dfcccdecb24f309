import type { BindPort } from "../../settings/haproxy-settings.ts";
import { phrase, refuse, word } from "../language/quote.ts";
import type { RenderSettings } from "../settings.ts";

/** `bind *:443 ssl crt-list /cfg/crt-list.txt alpn h2,http/1.1`; `certificates` is undefined while there are none. */
export function bindLine(
  { port, options, ssl }: BindPort,
  settings: RenderSettings,
  crtList: string | undefined,
): string {
  if (!/^\d{1,5}(-\d{1,5})?$/.test(port)) refuse("DEFAULT_PORTS", port, "not a port");
  const { tls, frontend } = settings;
  const proxied = frontend.acceptProxyPorts.some((each) => `${each}` === port) && !/\baccept-proxy\b/.test(options);
  return [
    `bind *:${port}`,
    ...(options === "" ? [] : [phrase("BIND_PORTS", options)]),
    ...(proxied ? ["accept-proxy"] : []),
    ...(ssl && crtList !== undefined ? certificateOptions(crtList, tls) : []),
  ].join(" ");
}

const certificateOptions = (crtList: string, { http2, caFile }: RenderSettings["tls"]): string[] => [
  `ssl crt-list ${word("CRT_LIST_PATH", crtList)} alpn ${http2 ? "h2,http/1.1" : "http/1.1"}`,
  ...(caFile === "" ? [] : [`ca-file ${word("CA_FILE", caFile)} verify optional`]),
];

/** The ports that a bind takes: one, or all of a range. */
export function portsOf({ port }: BindPort): number[] {
  const [first = 0, last = first] = port.split("-").map(Number);
  return Array.from({ length: Math.max(0, Math.min(last, 65_535) - first + 1) }, (_, i) => first + i);
}

export const plainBind = (port: number): BindPort => ({ port: `${port}`, options: "", ssl: false });
