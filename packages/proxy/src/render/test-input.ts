import { defaultParseContext, type ProxyService, parseService } from "../service/index.ts";
import { readSettings } from "../settings/index.ts";
import type { RenderInput } from "./input.ts";
import { type RenderedServices, render } from "./render.ts";
import { driverOptions, type RenderSettings } from "./settings.ts";

const defaultRenderSettings: RenderSettings = { ...readSettings({}, () => undefined), driver: driverOptions };

/** The service that a `reconfigure` with these parameters asks for; `more` is what it does not check. */
export const service = (query: string, more: Partial<ProxyService> = {}): ProxyService => ({
  ...parseService(new URLSearchParams(query), defaultParseContext),
  ...more,
});

/** The service of the chapter. */
export const goDemo = service("serviceName=go-demo&servicePath=/demo&port=8080");

type Groups = { readonly [Group in keyof RenderSettings]?: Partial<RenderSettings[Group]> };

/** Settings that differ from the defaults in some fields. */
export const settingsWith = (changes: Groups): RenderSettings => {
  const { statistics, users, ...groups } = changes;
  const all = { ...defaultRenderSettings, statistics, users } as RenderSettings;
  const changed = Object.entries(groups).map(([group, fields]) => [
    group,
    { ...(defaultRenderSettings[group as keyof RenderSettings] as object), ...fields },
  ]);
  return { ...all, ...Object.fromEntries(changed) };
};

export function inputOf(services: readonly ProxyService[], changes: Partial<RenderInput> = {}): RenderInput {
  return {
    settings: defaultRenderSettings,
    services,
    tasks: new Map(),
    certificates: [],
    snippets: new Map(),
    userSnippets: { frontend: [], backend: [] },
    paths: {
      pidFile: "/run/df/haproxy.pid",
      adminSocket: "/run/df/haproxy.sock",
      stateFile: "/run/df/haproxy.state",
      maps: "/run/df",
      crtList: "/cfg/crt-list.txt",
      errorFiles: undefined,
    },
    generation: 17,
    nameservers: [],
    ...changes,
  };
}

export const renderServices = (
  services: readonly ProxyService[],
  changes: Partial<RenderInput> = {},
): RenderedServices => render(inputOf(services, changes));

/** The lines of one section, its header first, without indentation. */
export function sectionOf({ config }: { readonly config: string }, header: string): string[] {
  const sections = config.split("\n\n").map((section) => section.trimEnd().split("\n"));
  const found = sections.find(([first]) => first === header) ?? [];
  return found.map((line) => line.trim());
}

/** The lines that services have in `frontend services`, without the map. */
export function rulesOf(rendered: { readonly config: string }): string[] {
  const lines = sectionOf(rendered, "frontend services");
  const start = lines.findIndex((line) => line.startsWith("http-request disable-l7-retry"));
  return lines.slice(start + 1).filter((line) => !isOfMap(line));
}

/** What a map in front of the list needs; everything else is the list. */
export const isOfMap = (line: string): boolean =>
  /txn\.(path|by_path|by_host|rule|route)\b|map_beg\(|told by maps/.test(line);
