import { existsSync, readdirSync, readlinkSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { describe, expect, test } from "vitest";
import { findListeners, holdPort, openKernel, probePathMtu } from "../src/host/index.ts";
import { openNftCommand } from "../src/host/nft-library.ts";
import { inside, ip, isRoot, Scene } from "./host-scene.ts";

const here = () => readlinkSync("/proc/thread-self/ns/net");

const table = "table ip skep { set vips { type ipv4_addr; }; }";

describe.skipIf(!isRoot)("namespaces (needs root)", () => {
  test("are made where ip looks for them, once", async () => {
    await using scene = new Scene();
    const name = scene.name("a");
    expect(await scene.kernel.find(name)).toBeUndefined();
    const made = await scene.kernel.ensure(name);
    expect(ip(made, "-br", "link")).toMatch(/^lo +DOWN/);
    expect((await scene.kernel.ensure(name)).inode).toBe(made.inode);
    expect((await scene.kernel.find(name))?.inode).toBe(made.inode);
    expect(await scene.kernel.names(name)).toEqual([name]);
    await scene.kernel.remove(name);
    await scene.kernel.remove(name);
    expect(existsSync(`/run/netns/${name}`)).toBe(false);
    expect(() => made.enter(() => {})).toThrow(`the handle on /run/netns/${name} is closed`);
    await expect(made.links()).rejects.toMatchObject({ code: "EBADF" });
  });

  test("the file that a crash left behind is no namespace, and is made one", async () => {
    await using scene = new Scene();
    const name = scene.name("a");
    writeFileSync(`/run/netns/${name}`, "");
    expect(await scene.kernel.find(name)).toBeUndefined();
    expect(await scene.kernel.names(name)).toEqual([]);
    await expect(scene.kernel.open(`/run/netns/${name}`)).rejects.toMatchObject({ code: "EINVAL" });
    expect(await (await scene.kernel.ensure(name)).links()).toHaveLength(1);
  });

  test("that of a process is opened by its file, which must exist", async () => {
    await using scene = new Scene();
    const own = await scene.kernel.open(`/proc/${process.pid}/ns/net`);
    expect(own.inode).toBe(scene.kernel.host.inode);
    await expect(scene.kernel.open("/proc/1/ns/nothing")).rejects.toMatchObject({ code: "ENOENT" });
  });

  test("the thread is back in its own after whatever happened in another", async () => {
    await using scene = new Scene();
    const home = here();
    const other = await scene.namespace("a");
    expect(other.enter(here)).toBe(`net:[${other.inode}]`);
    expect(other.enter(() => scene.kernel.host.enter(here))).toBe(home);
    const fail = () => {
      throw new Error("inside");
    };
    expect(() => other.enter(() => other.enter(fail))).toThrow("inside");
    expect(() => other.sysctls({ "net.ipv4.nothing": "1" })).toThrow("ENOENT");
    await expect(other.nft("nonsense")).rejects.toThrow("nft: Error: syntax error");
    await expect(other.netlink([{ do: "set-link", name: "nothing", up: true }])).rejects.toThrow("ENODEV");
    expect(here()).toBe(home);
    for (const thread of readdirSync("/proc/self/task")) {
      expect(readlinkSync(`/proc/self/task/${thread}/ns/net`)).toBe(home);
    }
  });

  test("sysctls are written when they differ, in the namespace only", async () => {
    await using scene = new Scene();
    const a = await scene.namespace("a");
    const b = await scene.namespace("b");
    const values = {
      "net.ipv4.ip_forward": "1",
      "net.ipv4.conf.all.rp_filter": "0",
      "net.ipv4.ip_local_port_range": "1024 2048",
    };
    const before = await inside(b, "cat", "/proc/sys/net/ipv4/ip_local_port_range");
    expect(a.sysctls(values)).toContain("net.ipv4.ip_local_port_range");
    expect(a.sysctls(values)).toEqual([]);
    expect(await inside(a, "cat", "/proc/sys/net/ipv4/ip_forward")).toBe("1\n");
    expect(await inside(b, "cat", "/proc/sys/net/ipv4/ip_local_port_range")).toBe(before);
  });

  test("a thousand rounds of opening and closing leave no descriptor open", async () => {
    await using scene = new Scene();
    const { path } = await scene.namespace("a");
    const round = async () => {
      const handle = await scene.kernel.open(path);
      const watch = handle.watch(() => {});
      await handle.links();
      watch[Symbol.dispose]();
      handle[Symbol.dispose]();
    };
    const open = () => readdirSync("/proc/self/fd").length;
    await round();
    await new Promise((resolve) => setTimeout(resolve, 50));
    const before = open();
    for (let i = 0; i < 1000; i++) await round();
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(open()).toBe(before);
  });
});

describe.skipIf(!isRoot)("nftables (needs root)", () => {
  test("a script is carried out whole or not at all, and nft says why", async () => {
    await using scene = new Scene();
    const a = await scene.namespace("a");
    await a.nft(table);
    const script = "add element ip skep vips { 10.0.1.100 }\nadd rule ip skep nothing accept";
    await expect(a.nft(script)).rejects.toMatchObject({
      code: "ENOENT",
      message: expect.stringMatching(/^nft: Error: .*No such file or directory/),
    });
    expect(await inside(a, "nft", "list", "set", "ip", "skep", "vips")).not.toContain("10.0.1.100");
    await a.nft("add element ip skep vips { 10.0.1.100 }");
    expect(await inside(a, "nft", "list", "set", "ip", "skep", "vips")).toContain("10.0.1.100");
  });

  test("lists are data; what is not there is undefined, what is wrong an error", async () => {
    await using scene = new Scene();
    const a = await scene.namespace("a");
    expect(await a.nftJson("list table ip skep")).toBeUndefined();
    await a.nft(`${table}\nadd element ip skep vips { 10.0.1.100 }`);
    expect(await a.nftJson("list set ip skep vips")).toMatchObject({
      nftables: [{ metainfo: {} }, { set: { name: "vips", elem: ["10.0.1.100"] } }],
    });
    await expect(a.nftJson("list nonsense")).rejects.toMatchObject({ code: "EINVAL" });
  });

  test("each namespace has its own rules, and they outlive the handle", async () => {
    await using scene = new Scene();
    const a = await scene.namespace("a");
    const b = await scene.namespace("b");
    await Promise.all([a.nft(table), b.nft("table ip other { }")]);
    a[Symbol.dispose]();
    expect(await inside(a, "nft", "list", "tables")).toBe("table ip skep\n");
    expect(await inside(b, "nft", "list", "tables")).toBe("table ip other\n");
    expect(await (await scene.kernel.open(a.path)).nftJson("list tables")).toMatchObject({
      nftables: [{}, { table: { name: "skep" } }],
    });
  });

  test("without the library the nft command does it", async () => {
    await using scene = new Scene();
    const a = await scene.namespace("a");
    using command = openNftCommand();
    expect(a.enter(() => command.run(table, false))).toEqual({ ok: true, output: "", error: "" });
    expect(await a.nftJson("list tables")).toMatchObject({ nftables: [{}, { table: { name: "skep" } }] });
    expect(a.enter(() => command.run("list tables", true)).output).toContain('"name": "skep"');
    expect(a.enter(() => command.run("list table ip nothing", true))).toMatchObject({
      ok: false,
      error: expect.stringContaining("No such file or directory"),
    });
  });

  test("a stranger who changes the rules all the time does not send ours elsewhere", async () => {
    await using scene = new Scene();
    const a = await scene.namespace("a");
    await a.nft(table);
    const elements = Array.from({ length: 2000 }, (_, i) => `10.1.${i >> 8}.${i & 255}`).join(", ");
    await a.nft(`add element ip skep vips { ${elements} }`);
    const stranger = inside(
      a,
      "sh",
      "-c",
      "for i in $(seq 40); do nft add table ip t$i; nft delete table ip t$i; done",
    );
    let over = false;
    void stranger.finally(() => {
      over = true;
    });
    let count = 0;
    while (!over) {
      await a.nft(`add chain ip skep c${count}\nadd rule ip skep c${count} ip daddr @vips accept`);
      await a.nftJson("list table ip skep");
      count += 1;
    }
    await stranger;
    expect((await inside(a, "nft", "list", "chains")).match(/chain c\d+/g)).toHaveLength(count);
  });
});

describe.skipIf(!isRoot)("ports (needs root)", () => {
  test("a held port is refused to others, on every address, until it is let go", async () => {
    await using scene = new Scene();
    const a = await scene.namespace("a");
    await a.netlink([{ do: "set-link", name: "lo", up: true }]);
    const listen = (protocol: string, address: string) =>
      inside(a, process.execPath, "-e", listenScript(protocol, address)).then(
        () => "listens",
        () => "refused",
      );
    const tcp = a.enter(() => holdPort("tcp", 8080));
    const udp = a.enter(() => holdPort("udp", 8080));
    const attempts = () =>
      Promise.all([listen("tcp", "0.0.0.0"), listen("tcp", "::"), listen("tcp", "127.0.0.1"), listen("udp", "::")]);
    expect(await attempts()).toEqual(Array(4).fill("refused"));
    expect(a.enter(() => holdPort("tcp", 8080))).toBeUndefined();
    tcp?.[Symbol.dispose]();
    udp?.[Symbol.dispose]();
    tcp?.[Symbol.dispose]();
    expect(await listen("tcp", "::")).toBe("listens");
    expect(await listen("udp", "0.0.0.0")).toBe("listens");
  });

  test("of many ports those are found that somebody listens on", async () => {
    const servers = [0, 0].map(() => createServer().listen(0, "127.0.0.1"));
    await Promise.all(servers.map((server) => new Promise((resolve) => server.once("listening", resolve))));
    const [first = 0, second = 0] = servers.map((server) => (server.address() as { port: number }).port);
    const listening = [first, second].map((published) => ({ protocol: "tcp" as const, published }));
    const others = [first, second].map((published) => ({ protocol: "udp" as const, published }));
    const found = await findListeners([...others, ...listening, { protocol: "sctp", published: first }]);
    expect([...found.keys()]).toEqual(listening);
    expect(new Set(found.values()).size).toBe(1);
    for (const server of servers) await new Promise((resolve) => server.close(resolve));
  });

  test("a port that somebody listens on cannot be held", async () => {
    const server = createServer().listen(0, "127.0.0.1");
    await new Promise((resolve) => server.once("listening", resolve));
    const { port } = server.address() as { port: number };
    expect(holdPort("tcp", port)).toBeUndefined();
    const listener = await findListener("tcp", port);
    expect(listener).toMatch(new RegExp(`^\\S+.* \\(pid ${process.pid}\\)$`));
    expect(await findListener("tcp", port, { excludePid: process.pid })).toBeUndefined();
    expect(await findListener("udp", port)).toBeUndefined();
    await new Promise((resolve) => server.close(resolve));
    const hold = holdPort("tcp", port);
    expect(hold).toBeDefined();
    hold?.[Symbol.dispose]();
    expect(await findListener("tcp", port)).toBeUndefined();
  });
});

const findListener = async (protocol: "tcp" | "udp", published: number, options: { excludePid?: number } = {}) =>
  [...(await findListeners([{ protocol, published }], options)).values()][0];

const listenScript = (protocol: string, address: string) =>
  protocol === "tcp"
    ? `require("net").createServer().listen(8080, "${address}", () => process.exit(0)).on("error", () => process.exit(1))`
    : `require("dgram").createSocket("${address.includes(":") ? "udp6" : "udp4"}").on("error", () => process.exit(1)).bind(8080, "${address}", () => process.exit(0))`;

describe.skipIf(!isRoot)("path MTU (needs root)", () => {
  test("is found although no router says that a packet was too big", async () => {
    await using scene = new Scene();
    const [a, r, b] = [await scene.namespace("a"), await scene.namespace("r"), await scene.namespace("b")];
    const link = (name: string, into: typeof a, n: number, mtu: number) =>
      ({
        do: "add-veth",
        name,
        mac: `02:53:00:00:00:0${n}`,
        mtu,
        peer: { name: "eth0", mac: `02:42:00:00:00:0${n}`, mtu: 1500, in: into.path },
      }) as const;
    await r.netlink([
      link("va", a, 1, 1500),
      link("vb", b, 2, 1380),
      { do: "add-address", device: "va", address: "192.168.1.1/24" },
      { do: "add-address", device: "vb", address: "192.168.2.1/24" },
      { do: "set-link", name: "va", up: true },
      { do: "set-link", name: "vb", up: true },
    ]);
    r.sysctls({ "net.ipv4.ip_forward": "1" });
    for (const [end, subnet] of [
      [a, "192.168.1"],
      [b, "192.168.2"],
    ] as const) {
      await end.netlink([
        { do: "add-address", device: "eth0", address: `${subnet}.2/24` },
        { do: "set-link", name: "eth0", up: true },
        { do: "put-route", destination: "default", via: `${subnet}.1`, device: "eth0" },
      ]);
    }
    const probe = (address: string) => a.enter(() => probePathMtu(address, 1500, { timeoutMs: 60 }));
    expect(await probe("192.168.1.1")).toBe(1500);
    expect(await probe("192.168.2.2")).toBe(1380); // told by the router
    await r.nft(
      "table ip quiet { chain out { type filter hook output priority 0; icmp type destination-unreachable drop; }; }",
    );
    expect(await probe("192.168.2.2")).toBe(1380); // found out
    expect(await probe("192.168.2.77")).toBeUndefined();
  });
});

test.skipIf(!isRoot)("a kernel that was opened and closed keeps nothing open", async () => {
  const kernel = openKernel();
  const before = readdirSync("/proc/self/fd").length;
  await kernel.host.links();
  kernel.close();
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(readdirSync("/proc/self/fd").length).toBeLessThan(before);
});
