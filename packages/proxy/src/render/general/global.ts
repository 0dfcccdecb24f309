import type { Section } from "../config-text.ts";
import type { RenderInput } from "../input.ts";
import { phrase, rawLine, refuse, word } from "../language/quote.ts";

export function globalSection({ settings, paths, generation }: RenderInput): Section {
  const { global, driver } = settings;
  const lines = [
    "log stdout format raw local0 info",
    `pidfile ${word("pidFile", paths.pidFile)}`,
    `stats socket ${word("adminSocket", paths.adminSocket)} mode 660 level admin expose-fd listeners`,
    "stats timeout 30s",
    { text: `setenv DF_GENERATION ${generation}`, generation },
    `mworker-max-reloads ${driver.maxReloads}`,
    `hard-stop-after ${word("hardStopAfter", driver.hardStopAfter)}`,
    `server-state-file ${word("stateFile", paths.stateFile)}`,
    "spread-checks 5",
    "httpclient.ssl.verify none", // unused, and it would read all certificates of the system at each start: 25 ms
    "tune.ssl.default-dh-param 2048",
    ...global.extra.map((line) => rawLine("EXTRA_GLOBAL", line)),
    ...sslLines("bind", settings.global),
    ...sslLines("server", settings.global),
  ];
  return { header: "global", blocks: [{ lines }] };
}

const sslLines = (side: "bind" | "server", { sslOptions, sslCiphers }: RenderInput["settings"]["global"]): string[] => [
  ...(sslOptions === "" ? [] : [`ssl-default-${side}-options ${phrase("SSL_BIND_OPTIONS", sslOptions)}`]),
  ...(sslCiphers === "" ? [] : [`ssl-default-${side}-ciphers ${word("SSL_BIND_CIPHERS", sslCiphers)}`]),
];

/** HAProxy asks for each server's name that often, whether or not it has changed. */
const namesPerSecond = 200;

/** The operator's lines come last, so that they win. `names` is how many there are to resolve. */
export function resolversSection({ settings, nameservers }: RenderInput, names: number): Section {
  const own = settings.global.resolvers.map((line) => rawLine("RESOLVERS", line));
  const given = nameservers.length > 0 ? own.filter((line) => !/^(nameserver|parse-resolv-conf)\b/.test(line)) : own;
  const lines = [
    ...nameservers.map((address, i) => `nameserver dns${i === 0 ? "" : i + 1} ${nameserver(address)}`),
    "accepted_payload_size 8192",
    "resolve_retries 3",
    `timeout resolve ${Math.min(10, Math.max(1, Math.ceil(names / namesPerSecond)))}s`,
    "timeout retry 300ms",
    "hold valid 1s",
    "hold nx 2s",
    "hold obsolete 5s",
    "hold other 30s",
    "hold refused 30s",
    "hold timeout 30s",
    ...given,
  ];
  return { header: "resolvers docker", blocks: [{ lines }] };
}

const nameserver = (address: string): string =>
  /^[\w.:[\]-]+:\d{1,5}$/.test(address) ? address : refuse("nameservers", address, "not an address with a port");
