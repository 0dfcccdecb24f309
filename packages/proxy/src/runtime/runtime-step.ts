import { unreachable } from "@skep/model";
import type { TaskServer } from "../render/rendered.ts";
import type { CertificateStep } from "./certificate-step.ts";
import type { MapChange, MapEntry } from "./map-file.ts";

/** One change to a running HAProxy by its runtime API. */
export type RuntimeStep =
  | { readonly do: "add-server"; readonly server: TaskServer }
  /** Its address changes; what it is busy with goes on. */
  | { readonly do: "move-server"; readonly server: TaskServer }
  /** It gets no new request; what it is busy with goes on. */
  | { readonly do: "retire-server"; readonly server: TaskServer }
  /** One that was retired, and is wanted again before it was gone. */
  | { readonly do: "readmit-server"; readonly server: TaskServer }
  /** A server of the config, `backend/server`, goes into maintenance or comes back. */
  | { readonly do: "stop-server" | "resume-server"; readonly key: string }
  | { readonly do: "change-map"; readonly file: string; readonly changes: readonly MapChange[] }
  | { readonly do: "replace-map"; readonly file: string; readonly entries: readonly MapEntry[] }
  | { readonly do: "change-certificate"; readonly list: string; readonly step: CertificateStep };

export const serverKey = ({ backend, name }: TaskServer): string => `${backend}/${name}`;

/**
 * HAProxy gives servers that are added at run time a pool of no idle connections, so each request would make a
 * connection of its own (2.6; `show servers conn` shows it). These are the defaults of servers in the config.
 */
const poolOptions: Readonly<Record<string, string>> = { "pool-max-conn": "-1", "pool-purge-delay": "5s" };

/** `no-backup` and `no-check` are what such a server is anyway, and not all versions know the words here. */
const needless = new Set(["no-backup", "no-check", "enabled"]);

/** The options of `add server` for those of the config's server line. */
export function dynamicOptions(options: string): string {
  const words = options.split(/\s+/).filter((word) => word !== "" && !needless.has(word));
  const pool = Object.entries(poolOptions).filter(([option]) => !words.includes(option));
  return [...words, ...pool.flat()].join(" ");
}

/** A command, and what HAProxy says to it when all is well; undefined for nothing. */
export interface Command {
  readonly text: string;
  readonly answer: RegExp | undefined;
}

const silent = (text: string): Command => ({ text, answer: undefined });

/** The commands of a step on servers or of single changes of a map, in their order. */
export function commandsOf(step: Exclude<RuntimeStep, { do: "replace-map" | "change-certificate" }>): Command[] {
  switch (step.do) {
    case "add-server":
      return addServer(step.server);
    case "move-server":
      return [moveServer(step.server)];
    case "retire-server":
      return [silent(`set server ${serverKey(step.server)} state maint`)];
    case "readmit-server":
      return [silent(`set server ${serverKey(step.server)} state ready`)];
    case "stop-server":
      return [silent(`set server ${step.key} state maint`)];
    case "resume-server":
      return [silent(`set server ${step.key} state ready`)];
    case "change-map":
      return step.changes.map((change) => silent(mapCommand(step.file, change)));
    default:
      return unreachable(step);
  }
}

function addServer(server: TaskServer): Command[] {
  const key = serverKey(server);
  const options = dynamicOptions(server.options);
  const checked = options.split(" ").includes("check");
  return [
    { text: `add server ${key} ${server.address} ${options}`, answer: /^New server registered\.$/ },
    ...(checked ? [silent(`enable health ${key}`)] : []),
    silent(`enable server ${key}`),
  ];
}

function moveServer(server: TaskServer): Command {
  const colon = server.address.lastIndexOf(":");
  const [address, port] = [server.address.slice(0, colon), server.address.slice(colon + 1)];
  return {
    text: `set server ${serverKey(server)} addr ${address} port ${port}`,
    answer: /^(IP changed from|no need to change the addr)/,
  };
}

function mapCommand(file: string, change: MapChange): string {
  switch (change.do) {
    case "add-entry":
      return `add map ${file} ${change.key} ${change.value}`;
    case "set-entry":
      return `set map ${file} ${change.key} ${change.value}`;
    case "delete-entry":
      return `del map ${file} ${change.key}`;
    default:
      return unreachable(change);
  }
}

/** For logs, and for whoever wants to see a plan. */
export function describeRuntimeStep(step: RuntimeStep): string {
  switch (step.do) {
    case "replace-map":
      return `replace map ${step.file} (${step.entries.length} entries)`;
    case "change-certificate":
      return `${step.step.do} certificate ${step.step.path}`;
    case "change-map":
      return step.changes.length === 0
        ? `change nothing in map ${step.file}`
        : step.changes.map((change) => mapCommand(step.file, change)).join("; ");
    case "stop-server":
    case "resume-server":
      return `${step.do.replace("-", " ")} ${step.key}`;
    case "add-server":
      return `add server ${serverKey(step.server)} ${step.server.address}`;
    case "move-server":
      return `move server ${serverKey(step.server)} to ${step.server.address}`;
    case "retire-server":
      return `retire server ${serverKey(step.server)}`;
    case "readmit-server":
      return `readmit server ${serverKey(step.server)}`;
    default:
      return unreachable(step);
  }
}
