import type { NetworkInterfaceInfo } from "node:os";
import { expect, test } from "vitest";
import { readSettings } from "../settings/index.ts";
import { apiAddresses } from "./api-addresses.ts";

const address = (text: string, family = "IPv4") => ({ address: text, family }) as NetworkInterfaceInfo;
const interfaces = {
  lo: [address("127.0.0.1"), address("::1", "IPv6")],
  eth0: [address("10.0.9.3"), address("fd00::3", "IPv6")],
  eth1: [address("172.18.0.5")],
};
const addresses = (env: Record<string, string>) => apiAddresses(readSettings(env, () => undefined).control, interfaces);

test("the control API listens everywhere, or on the address that is given", () => {
  expect(addresses({})).toEqual(["0.0.0.0"]);
  expect(addresses({ IP: "10.0.9.3" })).toEqual(["10.0.9.3"]);
});

test("API_NETWORKS are where it listens, whatever the address; health checks reach it on 127.0.0.1", () => {
  expect(addresses({ API_NETWORKS: "10.0.9.0/24", IP: "0.0.0.0" })).toEqual(["127.0.0.1", "10.0.9.3"]);
  expect(addresses({ API_NETWORKS: "eth1" })).toEqual(["127.0.0.1", "172.18.0.5"]);
  expect(addresses({ API_NETWORKS: "10.0.0.0/8,eth0,lo" })).toEqual(["127.0.0.1", "10.0.9.3"]);
  expect(addresses({ API_NETWORKS: "192.168.0.0/16,eth7" })).toEqual(["127.0.0.1"]);
});
