import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import {
  createMachines,
  enterCommand,
  findLeftovers,
  initPid,
  type Machine,
  removeMachine,
  systemHost,
} from "@skep/machine";
import { expect, test } from "vitest";
import { nodeProcesses } from "../src/drivers/netns/node-processes.ts";

const isRoot = process.getuid?.() === 0;
const host = systemHost(process.env);

/** A link of this machine whose other end is in a namespace within the node: it goes when the namespace does. */
const witness = `skepw${process.pid}`;

const links = async () =>
  (JSON.parse(await host.run(["ip", "-j", "link", "show"])) as { ifname: string }[]).map(({ ifname }) => ifname);

test.skipIf(!isRoot)(
  "routers made within a node, as its data plane makes them, vanish with it (needs root)",
  { timeout: 60_000 },
  async () => {
    const root = mkdtempSync(join(tmpdir(), "skep-machine-"));
    const options = { root, host, subnet: "free", nameservers: "none", skepd: false } as const;
    const [machine] = (await createMachines(["node-1"], options)) as [Machine];
    const inside = (...command: string[]) => {
      const init = initPid(machine);
      if (init === undefined) throw new Error("the node is stopped");
      return host.run(enterCommand(init, command));
    };
    try {
      await inside("ip", "netns", "add", "router");
      await inside("ip", "netns", "add", "gw");
      expect((await inside("ip", "netns", "list")).split("\n").map((line) => line.split(" ")[0])).toEqual([
        "gw",
        "router",
        "",
      ]);
      await inside("ip", "link", "add", "up", "type", "veth", "peer", "name", "up0", "netns", "gw");
      await inside(
        ...["ip", "link", "add", "vx0", "netns", "router", "type", "vxlan"],
        ...["id", "4097", "local", machine.address, "dstport", "4789", "nolearning"],
      );
      const sysctls = ["ipv4/ip_forward=1", "ipv4/conf/vx0/rp_filter=0", "netfilter/nf_conntrack_tcp_be_liberal=1"];
      for (const sysctl of sysctls) {
        const [name = "", value = ""] = sysctl.split("=");
        const script = `echo ${value} >/proc/sys/net/${name} && cat /proc/sys/net/${name}`;
        expect(await inside("nsenter", "--net=/run/netns/router", "sh", "-c", script)).toBe(`${value}\n`);
      }

      const before = new Set(nodeProcesses(machine).map(({ netNamespace }) => netNamespace));
      await inside("sh", "-c", "nsenter --net=/run/netns/router sleep 1000 </dev/null >/dev/null 2>&1 &");
      const inRouter = () => nodeProcesses(machine).find(({ netNamespace }) => !before.has(netNamespace))?.pid;
      await expect.poll(inRouter).toBeDefined();
      await host.run(["ip", "link", "add", witness, "type", "veth", "peer", "name", "w0", "netns", String(inRouter())]);
      // the path is that within its file system, which may be mounted at /tmp
      const run = expect.stringMatching(new RegExp(`^mount /run \\(of .*/${basename(root)}/node-1/run\\)$`));
      expect(await findLeftovers(host, root, ["node-1"])).toEqual(expect.arrayContaining([run]));

      await removeMachine(root, "node-1", { host, force: true });
      expect(await findLeftovers(host, root, ["node-1"])).toEqual([]);
      await expect.poll(links, { timeout: 5_000 }).not.toContain(witness);
    } finally {
      await removeMachine(root, "node-1", { host, force: true });
      if ((await links()).includes(witness)) await host.run(["ip", "link", "delete", witness]);
      rmSync(root, { recursive: true, force: true });
    }
  },
);
