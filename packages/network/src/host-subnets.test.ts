import { expect, test } from "vitest";
import { subnetsOfHostRoutes } from "./host-subnets.ts";

test("names where a node's own interfaces and routes lead, once, without skep's own", () => {
  const routes = [
    { destination: "default", via: "192.168.0.1", device: "eth0" },
    { destination: "10.9.0.0/16", via: "192.168.0.7", device: "eth0" },
    { destination: "10.0.0.0/24", via: "169.254.254.2", device: "skep-up" },
  ];
  const addresses = [
    { device: "lo", address: "127.0.0.1/8" },
    { device: "eth0", address: "192.168.0.11/24" },
    { device: "docker0", address: "172.17.0.1/16" },
    { device: "eth0", address: "192.168.0.12/24" },
    { device: "skep-up", address: "169.254.254.1/30" },
    { device: "wg0", address: "10.8.0.2/32" },
  ];
  expect(subnetsOfHostRoutes(routes, addresses)).toEqual(["10.9.0.0/16", "172.17.0.0/16", "192.168.0.0/24"]);
});
