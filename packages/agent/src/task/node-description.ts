import type { EngineInfo } from "@skep/engine";
import type { NodeDescription } from "@skep/model";

/** What a node tells the manager about itself, from its engine's `/info`. */
export function nodeDescription(info: EngineInfo): NodeDescription {
  const labels = Object.fromEntries((info.Labels ?? []).map(splitLabel));
  return {
    Hostname: info.Name,
    Platform: { Architecture: info.Architecture, OS: info.OSType },
    Resources: { NanoCPUs: info.NCPU * 1e9, MemoryBytes: info.MemTotal },
    Engine: {
      EngineVersion: info.ServerVersion,
      ...(Object.keys(labels).length > 0 && { Labels: labels }),
      Plugins: pluginsOf(info),
    },
  };
}

/** By type, then name, as docker lists them. */
function pluginsOf({ Plugins = {} }: EngineInfo): { Type: string; Name: string }[] {
  const plugins = Object.entries(Plugins).flatMap(([Type, names]) =>
    [...new Set(names ?? [])].sort().map((Name) => ({ Type, Name })),
  );
  return plugins.sort((a, b) => (a.Type < b.Type ? -1 : a.Type > b.Type ? 1 : 0));
}

function splitLabel(label: string): [string, string] {
  const equals = label.indexOf("=");
  return equals < 0 ? [label, ""] : [label.slice(0, equals), label.slice(equals + 1)];
}
