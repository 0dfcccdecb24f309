import type { Rendered, TaskServer } from "../render/rendered.ts";
import type { CertificateStep } from "./certificate-step.ts";
import { parseMap, planMap } from "./map-file.ts";
import { type RuntimeStep, serverKey } from "./runtime-step.ts";

export interface RuntimeCircumstances {
  /** Servers that HAProxy still has, though the config has them no more. */
  readonly retired?: readonly TaskServer[];
  /** The changes between the certificates of the two configs; undefined when nobody has planned them. */
  readonly certificates?: readonly CertificateStep[] | undefined;
}

/**
 * The steps that bring a running HAProxy from one config to another, new things before old ones go; undefined when only
 * a reload does. Empty when there is nothing to do. Commands and files are trusted only as far as HAProxy would load
 * the config that they come from, because that is what it starts with the next time.
 */
export function planRuntime(
  from: Rendered,
  to: Rendered,
  { retired = [], certificates }: RuntimeCircumstances = {},
): RuntimeStep[] | undefined {
  if (from.structure !== to.structure) return undefined;
  const servers = planServers(from.servers, to.servers, retired);
  const maps = planFiles(from, to, certificates);
  if (!servers || !maps) return undefined;
  const certificateSteps = planLists(to, certificates ?? []);
  if (!certificateSteps) return undefined;
  const steps = [...certificateSteps, ...planStopped(from, to), ...servers, ...maps];
  const removed = certificateSteps.filter(({ step }) => step.do === "remove");
  const retire = servers.filter((step) => step.do === "retire-server");
  const last = new Set<RuntimeStep>([...retire, ...removed]);
  return [...steps.filter((step) => !last.has(step)), ...last];
}

function planStopped({ stopped: from = [] }: Rendered, { stopped: to = [] }: Rendered): RuntimeStep[] {
  const [before, after] = [new Set(from), new Set(to)];
  return [
    ...[...before.difference(after)].map((key): RuntimeStep => ({ do: "resume-server", key })),
    ...[...after.difference(before)].map((key): RuntimeStep => ({ do: "stop-server", key })),
  ];
}

/** An address that needs no name to be resolved: HAProxy takes names in `add server`, and never resolves them. */
const isNumeric = (address: string) => /^(\d{1,3}(\.\d{1,3}){3}|\[[0-9a-fA-F:.]+\]):\d{1,5}$/.test(address);

/** No character that ends a word or a command. */
const isPlain = ({ backend, name, options }: TaskServer) =>
  /^[\w.:-]+$/.test(backend) && /^[\w.:-]+$/.test(name) && /^[\w ./:,=@%+-]*$/.test(options);

function planServers(
  from: readonly TaskServer[],
  to: readonly TaskServer[],
  retired: readonly TaskServer[],
): RuntimeStep[] | undefined {
  const [gone, come] = differing(from, to);
  const before = byKey(gone);
  const after = byKey(come);
  const leaving = byKey(retired);
  if (after.size !== come.length) return undefined;
  const steps: RuntimeStep[] = [];
  for (const [key, server] of after) {
    const same = before.get(key) ?? leaving.get(key);
    if (!isNumeric(server.address) || !isPlain(server)) return undefined;
    if (same && same.options !== server.options) return undefined; // options cannot be changed
    if (!same) steps.push({ do: "add-server", server });
    else if (same.address !== server.address) steps.push({ do: "move-server", server });
    if (!before.has(key) && leaving.has(key)) steps.push({ do: "readmit-server", server });
  }
  for (const [key, server] of before) if (!after.has(key)) steps.push({ do: "retire-server", server });
  return steps;
}

const byKey = (servers: readonly TaskServer[]) => new Map(servers.map((server) => [serverKey(server), server]));

const isSame = (a: TaskServer | undefined, b: TaskServer | undefined) =>
  a === b ||
  (a?.name === b?.name && a?.address === b?.address && a?.backend === b?.backend && a?.options === b?.options);

/** Both without what they begin and end with alike: a change is usually in one place of thousands of servers. */
function differing(
  from: readonly TaskServer[],
  to: readonly TaskServer[],
): [readonly TaskServer[], readonly TaskServer[]] {
  const shorter = Math.min(from.length, to.length);
  let start = 0;
  while (start < shorter && isSame(from[start], to[start])) start++;
  let end = 0;
  while (end < shorter - start && isSame(from.at(-1 - end), to.at(-1 - end))) end++;
  return [from.slice(start, from.length - end), to.slice(start, to.length - end)];
}

function planFiles(
  from: Rendered,
  to: Rendered,
  certificates: readonly CertificateStep[] | undefined,
): RuntimeStep[] | undefined {
  if (new Set(from.files.keys()).symmetricDifference(new Set(to.files.keys())).size > 0) return undefined;
  const steps: RuntimeStep[] = [];
  for (const [file, text] of to.files) {
    const before = from.files.get(file) ?? "";
    if (before === text) continue;
    const kind = fileKind(to.config, file);
    if (kind === "map") steps.push(mapStep(file, before, text));
    else if (kind !== "list" || !certificates || !explains(certificates, before, text)) return undefined;
  }
  return steps;
}

function mapStep(file: string, from: string, to: string): RuntimeStep {
  const entries = parseMap(to);
  const changes = planMap(parseMap(from), entries);
  return changes ? { do: "change-map", file, changes } : { do: "replace-map", file, entries };
}

/** How the config uses a file. */
function fileKind(config: string, file: string): "map" | "list" | undefined {
  if (config.includes(` crt-list ${file}`)) return "list";
  return config.includes(`(${file},`) || config.includes(`(${file})`) ? "map" : undefined;
}

/** Whether the certificates that come and go are those of the lists, and the others stay as they are. */
function explains(steps: readonly CertificateStep[], from: string, to: string): boolean {
  const before = new Map(parseMap(from));
  const after = new Map(parseMap(to));
  const paths = (which: CertificateStep["do"]) =>
    new Set(steps.filter((step) => step.do === which).map(({ path }) => path));
  const added = new Set(after.keys()).difference(new Set(before.keys()));
  const removed = new Set(before.keys()).difference(new Set(after.keys()));
  return (
    added.symmetricDifference(paths("add")).size === 0 &&
    removed.symmetricDifference(paths("remove")).size === 0 &&
    [...after].every(([path, options]) => !before.has(path) || before.get(path) === options)
  );
}

type ListStep = Extract<RuntimeStep, { do: "change-certificate" }>;

/** Each certificate step with its list. */
function planLists(to: Rendered, steps: readonly CertificateStep[]): ListStep[] | undefined {
  if (steps.length === 0) return [];
  const list = [...to.files.keys()].find((file) => fileKind(to.config, file) === "list");
  const listless = steps.every((step) => step.do === "renew");
  if (list === undefined && !listless) return undefined;
  return steps.map((step) => ({ do: "change-certificate", list: list ?? "", step }));
}
