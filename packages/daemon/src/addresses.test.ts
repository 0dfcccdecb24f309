import type { NetworkInterfaceInfo } from "node:os";
import { expect, test } from "vitest";
import {
  advertiseAddress,
  connectedSubnets,
  dataPathAddress,
  joinHostPort,
  listenAddress,
  splitHostPort,
} from "./addresses.ts";

const v4 = (address: string): NetworkInterfaceInfo => ({
  address,
  netmask: "255.255.255.0",
  family: "IPv4",
  mac: "",
  internal: address.startsWith("127."),
  cidr: null,
});
const machine = { lo: [v4("127.0.0.1")], eth0: [v4("192.168.0.11")], docker0: [v4("172.17.0.1")] };

test("host and port come apart and together again, IPv6 too", () => {
  expect(splitHostPort("192.168.0.11:2377")).toEqual({ host: "192.168.0.11", port: "2377" });
  expect(splitHostPort("eth0")).toEqual({ host: "eth0", port: "" });
  expect(splitHostPort("[fd00::1]:99")).toEqual({ host: "fd00::1", port: "99" });
  expect(joinHostPort("fd00::1", 99)).toBe("[fd00::1]:99");
});

test("the listen address gets Docker's port, and an interface its address", () => {
  expect(listenAddress("0.0.0.0", machine)).toBe("0.0.0.0:2377");
  expect(listenAddress("eth0:4000", machine)).toBe("192.168.0.11:4000");
  expect(() => listenAddress("", machine)).toThrow('invalid ListenAddr "": invalid empty address');
  expect(() => listenAddress("eth9", machine)).toThrow("listen address must be");
});

test("the machine's only address is advertised, containers' bridges aside", () => {
  expect(advertiseAddress("", "0.0.0.0:2377", machine)).toBe("192.168.0.11:2377");
  expect(advertiseAddress("", "192.168.0.11:4000", machine)).toBe("192.168.0.11:4000");
  expect(advertiseAddress("eth0", "0.0.0.0:2377", machine)).toBe("192.168.0.11:2377");
  expect(advertiseAddress("10.1.1.1:55", "0.0.0.0:2377", machine)).toBe("10.1.1.1:55");
});

test("overlays have an address given, or an interface's", () => {
  expect(["", "10.1.1.1", "eth0"].map((given) => dataPathAddress(given, machine))).toEqual([
    "",
    "10.1.1.1",
    "192.168.0.11",
  ]);
  for (const given of ["0.0.0.0", "eth9", "10.1.1.1:4789"]) {
    expect(() => dataPathAddress(given, machine)).toThrow("data path address must be a non-zero IP address");
  }
});

test("the machine's networks are those of its interfaces, without the loopback and what skep made", () => {
  const on = (address: string) => [{ ...v4(address), cidr: `${address}/24` }];
  const interfaces = {
    lo: on("127.0.0.1"),
    eth0: on("10.0.0.5"),
    docker0: on("172.17.0.1"),
    "skep-up": on("10.7.0.1"),
  };
  expect(connectedSubnets(interfaces)).toEqual(["10.0.0.5/24", "172.17.0.1/24"]);
});

test.each(["0.0.0.0", "nonsense", "1.2.3.4:x", "1.2.3.4:99999"])("the advertise address %s is refused", (given) => {
  expect(() => advertiseAddress(given, "0.0.0.0:2377", machine)).toThrow(
    "advertise address must be a non-zero IP address or network interface (with optional port number)",
  );
});

test("several addresses are the operator's choice", () => {
  const two = { ...machine, eth1: [v4("10.0.0.5")] };
  expect(() => advertiseAddress("", "0.0.0.0:2377", two)).toThrow(
    "could not choose an IP address to advertise since this system has multiple addresses on different interfaces (192.168.0.11 on eth0 and 10.0.0.5 on eth1) - specify one with --advertise-addr",
  );
});
