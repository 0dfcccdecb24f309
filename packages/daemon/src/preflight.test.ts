import type { Engine } from "@skep/engine";
import { EngineUnavailable } from "@skep/engine";
import { expect, test } from "vitest";
import { kernelShortcomings, preflight } from "./preflight.ts";

const engine = (parts: Partial<Engine>) => parts as Engine;

test("a kernel option that is not set is named with what needs it", () => {
  const complete = [
    ...["NET_NS", "VETH", "BRIDGE", "OVERLAY_FS", "MEMCG", "CGROUP_PIDS", "NF_TABLES", "NF_CONNTRACK", "NF_CT_NETLINK"],
    ...["NF_NAT", "NFT_NAT", "NFT_MASQ", "NFT_NUMGEN", "NFT_FIB_IPV4", "NFT_REJECT_IPV4", "NFT_FWD_NETDEV"],
    "IP_MULTIPLE_TABLES",
  ]
    .map((name) => `CONFIG_${name}=m`)
    .join("\n");
  expect(kernelShortcomings(`${complete}\n# CONFIG_VXLAN is not set\n`).map(({ what }) => what)).toEqual([
    "the kernel was built without CONFIG_VXLAN, needed for overlay networks",
  ]);
  expect(kernelShortcomings(undefined)).toEqual([]);
});

test("an engine that does not answer is named with its socket", async () => {
  const gone = () => Promise.reject(new EngineUnavailable("connect ENOENT"));
  const found = await preflight(engine({ version: gone, info: gone }), "/nowhere.sock");
  expect(found[0]?.what).toBe("no Docker Engine answers on /nowhere.sock");
});

test("an engine in swarm mode, and one that is too old, are named", async () => {
  const found = await preflight(
    engine({
      version: async () => ({ Version: "19.03.1", ApiVersion: "1.40" }),
      info: async () => ({
        Name: "n",
        NCPU: 1,
        MemTotal: 1,
        Architecture: "x86_64",
        OSType: "linux",
        ServerVersion: "19.03.1",
        Swarm: { LocalNodeState: "active" },
      }),
    }),
    "/run/docker.sock",
  );
  expect(found.map(({ what }) => what).slice(0, 2)).toEqual([
    "Docker Engine 19.03.1 is too old",
    "the Docker Engine is in swarm mode itself",
  ]);
});
