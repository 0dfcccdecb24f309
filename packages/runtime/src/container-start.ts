import { DomainError } from "@skep/model";

/** A container whose namespaces exist, and whose first instruction waits for skepd. */
export interface ContainerStart {
  /** 64 hex digits. */
  readonly containerId: string;
  /** Of what becomes the container's first process, in skepd's PID namespace: `/proc/PID/ns/net` is its network. */
  readonly pid: number;
  /** The folder of its OCI configuration. */
  readonly bundle: string;
  /** Empty when it has the node's. */
  readonly hostname: string;
  /** What the engine has mounted as /etc/hosts and /etc/resolv.conf; undefined when the operator has mounted something else. */
  readonly hostsPath?: string;
  readonly resolvConfPath?: string;
}

/** The OCI state that runc gives its hooks, as far as it concerns us. */
export type OciState = Pick<ContainerStart, "containerId" | "pid" | "bundle">;

/** Throws `invalid-parameter` for anything but a state. */
export function parseState(text: string): OciState {
  const { id, pid, bundle } = parseObject(text, "the container's state");
  if (typeof id !== "string" || !/^[0-9a-f]{64}$/.test(id)) throw malformed("id", id);
  if (typeof pid !== "number" || !Number.isInteger(pid) || pid < 1 || pid >= 2 ** 22) throw malformed("pid", pid);
  if (typeof bundle !== "string" || !bundle.startsWith("/") || bundle.includes("\0")) throw malformed("bundle", bundle);
  return { containerId: id, pid, bundle };
}

/** Adds what the bundle's config.json tells. Throws `invalid-parameter` when that is no container's configuration. */
export function describeStart(state: OciState, configText: string): ContainerStart {
  const { hostname = "", mounts } = parseObject(configText, "the bundle's config.json");
  if (typeof hostname !== "string" || hostname.length > 253) throw malformed("hostname", hostname);
  const hostsPath = engineFile(state.containerId, mounts, "hosts");
  const resolvConfPath = engineFile(state.containerId, mounts, "resolv.conf");
  return {
    ...{ ...state, hostname },
    ...(hostsPath !== undefined && { hostsPath }),
    ...(resolvConfPath !== undefined && { resolvConfPath }),
  };
}

/** A file under /etc that the engine made for this very container, and not one that the operator brought. */
function engineFile(containerId: string, mounts: unknown, name: string): string | undefined {
  if (!Array.isArray(mounts)) return undefined;
  const sources = mounts
    .filter((mount) => isObject(mount) && mount.destination === `/etc/${name}`)
    .map((mount: Record<string, unknown>) => mount.source);
  const source = sources.at(-1); // the last one mounted covers the others
  const isEngines = typeof source === "string" && source.startsWith("/") && source.endsWith(`/${containerId}/${name}`);
  return isEngines ? source : undefined;
}

function parseObject(text: string, what: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new DomainError("invalid-parameter", `${what} is not JSON`, { cause });
  }
  if (!isObject(value)) throw new DomainError("invalid-parameter", `${what} is not a JSON object`);
  return value;
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const malformed = (field: string, value: unknown) =>
  new DomainError(
    "invalid-parameter",
    `the container's ${field} is not what it should be: ${(JSON.stringify(value) ?? "missing").slice(0, 100)}`,
  );
