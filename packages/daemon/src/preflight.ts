import { existsSync, readFileSync } from "node:fs";
import { release } from "node:os";
import { gunzipSync } from "node:zlib";
import { type Engine, EngineUnavailable } from "@skep/engine";
import { runtimeProblem } from "@skep/runtime";

/** Something this machine lacks. */
export interface Shortcoming {
  readonly what: string;
  readonly advice: string;
}

/** What the engine and the kernel lack for skep; empty when all is well. */
export async function preflight(engine: Engine, engineSocket: string): Promise<readonly Shortcoming[]> {
  return [...(await engineShortcomings(engine, engineSocket)), ...kernelShortcomings(readKernelConfig())];
}

const oldestEngine = 20;

async function engineShortcomings(engine: Engine, socket: string): Promise<readonly Shortcoming[]> {
  try {
    const [version, info] = await Promise.all([engine.version(), engine.info()]);
    return [
      ...(Number.parseInt(version.Version, 10) < oldestEngine
        ? [{ what: `Docker Engine ${version.Version} is too old`, advice: "upgrade it to 20.10 or newer" }]
        : []),
      ...(info.Swarm?.LocalNodeState && info.Swarm.LocalNodeState !== "inactive"
        ? [
            {
              what: "the Docker Engine is in swarm mode itself",
              advice: `take it out: docker -H unix://${socket} swarm leave --force (its services end)`,
            },
          ]
        : []),
      ...(runtimeProblem(info) === undefined
        ? []
        : [
            {
              what: "the Docker Engine does not know skep's runtime, which attaches containers to networks",
              advice: "skep engine install (no container is restarted)",
            },
          ]),
    ];
  } catch (error) {
    if (!(error instanceof EngineUnavailable)) throw error;
    return [
      {
        what: `no Docker Engine answers on ${socket}`,
        advice: "start it (systemctl start docker), or say where it is with --engine; skepd keeps trying",
      },
    ];
  }
}

/** Kernel options and what needs them. */
const kernelNeeds: Readonly<Record<string, string>> = {
  CONFIG_NET_NS: "containers",
  CONFIG_VETH: "containers",
  CONFIG_BRIDGE: "containers",
  CONFIG_OVERLAY_FS: "the engine's overlay2 storage",
  CONFIG_MEMCG: "memory limits",
  CONFIG_CGROUP_PIDS: "pids limits",
  CONFIG_NF_TABLES: "overlay networks and published ports",
  CONFIG_NF_CONNTRACK: "overlay networks and published ports",
  CONFIG_NF_CT_NETLINK: "moving connections off tasks that are gone",
  CONFIG_NF_NAT: "overlay networks and published ports",
  CONFIG_NFT_NAT: "overlay networks and published ports",
  CONFIG_NFT_MASQ: "the way out of containers",
  CONFIG_NFT_NUMGEN: "round robin",
  CONFIG_NFT_FIB_IPV4: "published ports",
  CONFIG_NFT_REJECT_IPV4: "refusing at once what has no task",
  CONFIG_NFT_FWD_NETDEV: "published ports whose tasks are on other nodes",
  CONFIG_IP_MULTIPLE_TABLES: "the way back of published ports",
  CONFIG_VXLAN: "overlay networks",
};

/** Options that `config` (a kernel's .config text) does not set; nothing when the text is not known. */
export function kernelShortcomings(config: string | undefined): readonly Shortcoming[] {
  if (config === undefined) return [];
  const set = new Set(config.split("\n").flatMap((line) => /^(CONFIG_\w+)=[ym]$/.exec(line)?.[1] ?? []));
  return Object.entries(kernelNeeds)
    .filter(([option]) => !set.has(option))
    .map(([option, use]) => ({
      what: `the kernel was built without ${option}, needed for ${use}`,
      advice: "boot a kernel that has it (every distribution's default kernel does)",
    }));
}

function readKernelConfig(): string | undefined {
  const packed = "/proc/config.gz";
  const plain = `/boot/config-${release()}`;
  if (existsSync(packed)) return gunzipSync(readFileSync(packed)).toString();
  if (existsSync(plain)) return readFileSync(plain, "utf8");
  return undefined;
}
