import type { Destination } from "../../service/service.ts";
import { oneOf, phrase, rawLine, refuse, seconds } from "./quote.ts";

const modes = [
  "http-keep-alive",
  "http-server-close",
  "httpclose",
  "http-pretend-keepalive",
  "forceclose",
  "http-tunnel",
] as const;

/** `option http-server-close`. What HAProxy 2 no longer knows becomes what it has instead. */
export function connectionOption(what: string, mode: string): string[] {
  if (mode === "") return [];
  const known = oneOf(what, mode, modes);
  return [`option ${{ forceclose: "httpclose", "http-tunnel": "http-keep-alive" }[known as string] ?? known}`];
}

/** `timeout server 20s` and the others that the destination names, in the order asked for. */
export const timeoutLines = (destination: Destination, kinds: readonly ("client" | "server" | "tunnel")[]): string[] =>
  kinds.flatMap((kind) => {
    const parameter = ({ client: "timeoutClient", server: "timeoutServer", tunnel: "timeoutTunnel" } as const)[kind];
    const value = destination[parameter];
    return value === "" ? [] : [`timeout ${kind} ${seconds(parameter, value)}`];
  });

const sectionWord =
  /^(no\s+|default\s+)*(global|defaults|frontend|backend|listen|userlist|peers|resolvers|mailers|program|cache|http-errors|ring|fcgi-app|log-forward|log-profile|crt-store|traces|acme)(\s|$)/;

/** Whether the line begins a section. */
export const beginsSection = (line: string): boolean => sectionWord.test(line.trim());

/** Lines of HAProxy's language that a service adds to its backends; none of them may leave the backend. */
export function extraLines(text: string): string[] {
  const lines = text.split(/\r?\n/).map((line) => rawLine("backendExtra", line));
  const stray = lines.find((line) => beginsSection(line) || line.startsWith("."));
  if (stray !== undefined) refuse("backendExtra", stray, "not a line of a backend");
  return lines.filter((line) => line !== "");
}

const algorithms = ["identity", "gzip", "deflate", "raw-deflate"] as const;

interface Compression {
  readonly compressionAlgo: string;
  readonly compressionType: string;
}

/** The types count only with an algorithm. */
export function compressionLines({ compressionAlgo, compressionType }: Compression): string[] {
  const algo = compressionAlgo.split(" ").filter((each) => each !== "");
  if (algo.length === 0) return [];
  return [
    `compression algo ${algo.map((each) => oneOf("compressionAlgo", each, algorithms)).join(" ")}`,
    ...(compressionType === "" ? [] : [`compression type ${phrase("compressionType", compressionType)}`]),
  ];
}
