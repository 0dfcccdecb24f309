import { expect, test } from "vitest";
import { matches } from "./conntrack.ts";
import { parseSocketTable, processName } from "./listening-process.ts";
import { parseNetlinkTable } from "./own-sockets.ts";
import { internetChecksum, largestPassing } from "./path-mtu.ts";
import { sysctlPath } from "./sysctl.ts";

const tcp = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 20981 1 0000 100 0 0 10 0
   1: 0100007F:1F90 0100007F:D2F0 01 00000000:00000000 00:00000000 00000000     0        0 20990 1 0000 20 4 30 10 -1
`;
const udp6 = `  sl  local_address                         remote_address                        st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops
 12: 00000000000000000000000000000000:270F 00000000000000000000000000000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 31337 2 0000 0
`;

test("of the sockets in /proc/net those that take what comes are told from the others", () => {
  expect(parseSocketTable(tcp, "tcp")).toEqual([
    { address: "0100007F", port: 8080, listening: true, inode: 20981 },
    { address: "0100007F", port: 8080, listening: false, inode: 20990 },
  ]);
  expect(parseSocketTable(udp6, "udp")).toEqual([
    { address: "0".repeat(32), port: 9999, listening: true, inode: 31337 },
  ]);
  expect(parseSocketTable("", "tcp")).toEqual([]);
});

test("a process has the name that it is started by, where its first thread is called otherwise", () => {
  expect(processName("nginx\n", "nginx: master process /usr/sbin/nginx -g daemon off;\0")).toBe("nginx");
  expect(processName("serve.sh\n", "/bin/sh\0./serve.sh\0")).toBe("serve.sh");
  expect(processName("a-long-name-tha\n", "/opt/a-long-name-that-is-cut\0")).toBe("a-long-name-tha");
  expect(processName("MainThread\n", "/usr/bin/node\0server.js\0")).toBe("node");
  expect(processName("worker\n", "-daemon: waiting\0")).toBe("-daemon");
  expect(processName("kthreadd\n", "")).toBe("kthreadd");
  expect(processName("", "")).toBe("");
});

test("netlink sockets are found by their inode", () => {
  const table = `sk               Eth Pid        Groups   Rmem     Wmem     Dump  Locks    Drops    Inode
0000000000000000 12  3405691582 00000000 0        0        0     2        0        8123
`;
  expect(parseNetlinkTable(table)).toEqual([{ protocol: 12, port: 3405691582, inode: 8123 }]);
});

test("a sysctl's name may have a link's name with a dot in it", () => {
  expect(sysctlPath("net.ipv4.ip_forward")).toBe("/proc/sys/net/ipv4/ip_forward");
  expect(sysctlPath("net/ipv4/conf/eth0.1/rp_filter")).toBe("/proc/sys/net/ipv4/conf/eth0.1/rp_filter");
  expect(sysctlPath("net.ipv4.conf.eth0/1.rp_filter")).toBe("/proc/sys/net/ipv4/conf/eth0.1/rp_filter");
});

test("a connection matches when every given part does", () => {
  const original = {
    protocol: 6,
    source: "10.0.1.10",
    destination: "10.0.1.100",
    sourcePort: 4000,
    destinationPort: 80,
  };
  const reply = { protocol: 6, source: "10.0.1.14", destination: "10.0.1.10", sourcePort: 8080, destinationPort: 4000 };
  const connection = { original, reply };
  expect(matches(connection, {})).toBe(true);
  expect(matches(connection, { protocol: "tcp", originalDestination: "10.0.1.100", replySource: "10.0.1.14" })).toBe(
    true,
  );
  expect(matches(connection, { originalDestination: "10.0.1.100", replySource: "10.0.1.15" })).toBe(false);
  expect(matches(connection, { protocol: "udp" })).toBe(false);
});

test("the path's size is found in few tries, most often in one", async () => {
  const find = async (mtu: number) => {
    let tries = 0;
    const size = await largestPassing(576, 1500, async (bytes) => {
      tries += 1;
      return bytes <= mtu;
    });
    return { size, tries };
  };
  expect(await find(1500)).toEqual({ size: 1500, tries: 1 });
  expect(await find(1420)).toEqual({ size: 1420, tries: 11 });
  expect(await find(100)).toEqual({ size: undefined, tries: 2 });
});

test("the checksum is that of RFC 1071", () => {
  expect(internetChecksum(Buffer.from("0001f203f4f5f6f7", "hex"))).toBe(0x220d);
});
