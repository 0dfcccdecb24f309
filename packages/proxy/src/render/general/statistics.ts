import type { StatisticsSettings } from "../../settings/haproxy-settings.ts";
import type { Section } from "../config-text.ts";
import { refuse, word } from "../language/quote.ts";
import type { RenderSettings } from "../settings.ts";
import { bindLine, plainBind } from "./binds.ts";

export function statisticsLines({ uri, credentials }: StatisticsSettings): string[] {
  if (credentials?.user.includes(":")) refuse("STATS_USER", credentials.user, "a user's name has no colon");
  return [
    "stats enable",
    "stats refresh 30s",
    "stats realm Strictly\\ Private",
    `stats uri ${word("STATS_URI", uri)}`,
    ...(credentials ? [`stats auth ${word("STATS_USER", `${credentials.user}:${credentials.password}`)}`] : []),
  ];
}

/** The page on a port of its own. */
export const statisticsSections = (
  statistics: StatisticsSettings,
  port: number,
  settings: RenderSettings,
): Section[] => [
  {
    header: "frontend stats",
    blocks: [{ lines: [bindLine(plainBind(port), settings, undefined), "mode http", "default_backend stats"] }],
  },
  { header: "backend stats", blocks: [{ lines: ["mode http", ...statisticsLines(statistics)] }] },
];

/** HAProxy's own counters and health, for this machine only. */
export const internalSection = (address: string): Section => ({
  header: "frontend internal",
  blocks: [
    {
      lines: [
        `bind ${word("internal", address)}`,
        "mode http",
        "http-request use-service prometheus-exporter if { path /metrics }",
        "monitor-uri /healthz",
      ],
    },
  ],
});
