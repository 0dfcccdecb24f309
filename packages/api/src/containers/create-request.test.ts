import type { NetworkId, OverlayRecord } from "@skep/model";
import { describe, expect, test } from "vitest";
import { exposedPorts, overlayContainer } from "./create-request.ts";

const overlay = (name: string): OverlayRecord => ({
  kind: "network",
  id: `${name}-id` as NetworkId,
  name,
  vni: 4097,
  subnets: [{ subnet: "10.0.1.0/24", gateway: "10.0.1.1" }],
  ...{ internal: false, ingress: false, attachable: true },
});
const overlays = [overlay("shop"), overlay("lab")];
const find = (term: string) => overlays.find(({ id, name }) => id === term || name === term);
const asked = (body: unknown) => overlayContainer(body, find);

test("a body without an overlay is the engine's alone", () => {
  for (const body of [undefined, 7, [], {}, { HostConfig: null }, { HostConfig: { NetworkMode: "bridge" } }]) {
    expect(asked(body)).toBeUndefined();
  }
});

test("what is skep's goes out of the body, what was asked is kept to be shown", () => {
  const found = asked({
    Image: "web",
    HostConfig: {
      NetworkMode: "shop",
      PortBindings: { "80/tcp": [{ HostIp: "", HostPort: "8080" }], "53/udp": [{ HostPort: "" }] },
      Dns: ["192.0.2.53"],
      DnsSearch: ["example.org"],
      DnsOptions: ["ndots:1"],
      Memory: 5,
    },
    NetworkingConfig: { EndpointsConfig: { shop: { Aliases: ["a"], IPAMConfig: { IPv4Address: "10.0.1.9" } } } },
  });
  expect(found?.body).toEqual({
    Image: "web",
    HostConfig: { Memory: 5 },
    NetworkingConfig: { EndpointsConfig: {} },
  });
  expect(found?.planned).toEqual({
    asked: {
      NetworkMode: "shop",
      PortBindings: { "80/tcp": [{ HostIp: "", HostPort: "8080" }], "53/udp": [{ HostPort: "" }] },
      PublishAllPorts: null,
      Dns: ["192.0.2.53"],
      DnsSearch: ["example.org"],
      DnsOptions: ["ndots:1"],
    },
    networks: [{ networkId: "shop-id", aliases: ["a"], address: "10.0.1.9" }],
    hostPorts: [
      { protocol: "tcp", published: 8080, target: 80 },
      { protocol: "udp", published: 0, target: 53 },
    ],
    servers: ["192.0.2.53"],
    dnsOptions: ["ndots:1"],
  });
});

test("several overlays are joined in the order in which they are named, the mode first", () => {
  const found = asked({
    HostConfig: { NetworkMode: "lab" },
    NetworkingConfig: { EndpointsConfig: { shop: {}, lab: { Aliases: ["l"] } } },
  });
  expect(found?.planned.networks).toEqual([
    { networkId: "lab-id", aliases: ["l"] },
    { networkId: "shop-id", aliases: [] },
  ]);
});

test("a container on the engine's network keeps it, and its ports there, when it joins an overlay too", () => {
  const found = asked({
    HostConfig: { NetworkMode: "bridge", PortBindings: { "80/tcp": [{ HostIp: "127.0.0.1", HostPort: "80" }] } },
    NetworkingConfig: { EndpointsConfig: { bridge: {}, shop: {} } },
  });
  expect(found?.body).toMatchObject({
    HostConfig: { NetworkMode: "bridge", PortBindings: { "80/tcp": [{ HostIp: "127.0.0.1", HostPort: "80" }] } },
    NetworkingConfig: { EndpointsConfig: { bridge: {} } },
  });
  expect(found?.planned.hostPorts).toEqual([]);
});

test("overlays take the place of the default network, as with other networks that clients name", () => {
  const found = asked({ HostConfig: {}, NetworkingConfig: { EndpointsConfig: { shop: { Aliases: ["a", "a"] } } } });
  expect(found?.planned.networks).toEqual([{ networkId: "shop-id", aliases: ["a"] }]);
  expect(found?.body.HostConfig).toEqual({});
});

test("keys are matched regardless of case, as Go's decoder does", () => {
  expect(asked({ hostconfig: { networkmode: "shop", dns: ["192.0.2.1"] } })?.planned.servers).toEqual(["192.0.2.1"]);
});

describe("is refused", () => {
  const on =
    (host: object, endpoint: object = {}) =>
    () =>
      asked({
        HostConfig: { NetworkMode: "shop", ...host },
        NetworkingConfig: { EndpointsConfig: { shop: endpoint } },
      });

  test("a runtime of its own, one address of the node alone, IPv6, and what is no port", () => {
    expect(on({ Runtime: "kata" })).toThrow("runs under skep's own runtime, not under kata");
    const bound = (binding: object) => on({ PortBindings: { "80/tcp": [binding] } });
    expect(bound({ HostIp: "127.0.0.1", HostPort: "80" })).toThrow("publishing on 127.0.0.1 alone is not available");
    expect(bound({ HostPort: "99999" })).toThrow('invalid port specification: "99999"');
    expect(on({ PortBindings: { "x/tcp": [{}] } })).toThrow('invalid port specification: "x/tcp"');
    expect(on({ PortBindings: { "80/dccp": [{}] } })).toThrow("invalid proto: dccp");
    expect(on({}, { IPAMConfig: { IPv6Address: "fd00::1" } })).toThrow("IPv6 addresses are not available");
  });

  test("what would be done by half: ranges of host ports, MAC addresses, malformed addresses", () => {
    expect(on({ PortBindings: { "80/tcp": [{ HostPort: "80-90" }] } })).toThrow("a range of host ports, 80-90");
    expect(on({}, { MacAddress: "02:42:0a:00:00:01" })).toThrow("a MAC address of one's own");
    expect(on({}, { IPAMConfig: { IPv4Address: "banana" } })).toThrow("invalid IPv4 address: banana");
  });

  test("the namespace of the node, of another container, or none at all", () => {
    const also = (NetworkMode: string) => () =>
      asked({ HostConfig: { NetworkMode }, NetworkingConfig: { EndpointsConfig: { shop: {} } } });
    expect(also("host")).toThrow("container sharing network namespace");
    expect(also("container:x")).toThrow("container sharing network namespace");
    expect(also("none")).toThrow("in private (none) mode");
    expect(also("mine")).toThrow("create it on mine, then docker network connect shop");
  });

  test("an overlay as the mode, together with a network of the engine", () => {
    const body = { HostConfig: { NetworkMode: "shop" }, NetworkingConfig: { EndpointsConfig: { mine: {} } } };
    expect(() => asked(body)).toThrow("cannot be created on shop, an overlay of the swarm, and on mine at once");
  });
});

test("-P publishes what is exposed and not bound already", () => {
  const bound = [{ protocol: "tcp", published: 8080, target: 80 }] as const;
  expect(exposedPorts({ "80/tcp": {}, "53/udp": {} }, bound)).toEqual([{ protocol: "udp", target: 53, published: 0 }]);
});
