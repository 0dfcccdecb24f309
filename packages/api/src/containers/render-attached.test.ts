import type { NetworkId, OverlayRecord } from "@skep/model";
import { expect, test } from "vitest";
import type { AttachedContainer } from "../node-networks.ts";
import { inspectAttached, isOnNetwork, listAttached } from "./render-attached.ts";

// Recorded of a task of a real swarm: captures containers/inspect-full and containers/list-label-service-name.

const Id = "a351a41232a13ef1fa4f6f4004a0c00aae21a967ed31e4696888fb1259cc0c2a";
const appnet = "beehhdj9kao0eipjb2gc5la4x";
const ingress = "pdawsai4rc8aatkb5rayap4zc";
const recorded = (address: string, NetworkID: string, EndpointID: string, MacAddress: string, Aliases: unknown) => ({
  ...{ IPAMConfig: { IPv4Address: address }, Links: null, Aliases, NetworkID, EndpointID },
  ...{ Gateway: "", IPAddress: address, IPPrefixLen: 24, IPv6Gateway: "", GlobalIPv6Address: "" },
  ...{ GlobalIPv6PrefixLen: 0, MacAddress, DriverOpts: null },
});
const recordedNetworks = (Aliases: unknown) => ({
  appnet: recorded("10.0.4.4", appnet, "ad1808b5", "02:42:0a:00:04:04", Aliases),
  ingress: recorded("10.0.0.9", ingress, "374cc6c1", "02:42:0a:00:00:09", Aliases),
});

const overlay = (id: string, name: string): OverlayRecord => ({
  ...{ kind: "network", id: id as NetworkId, name, vni: 4097, subnets: [] },
  ...{ internal: false, ingress: name === "ingress", attachable: true },
});
const task: AttachedContainer = {
  containerId: Id,
  asked: { NetworkMode: "default", PortBindings: { "81/tcp": [{ HostIp: "", HostPort: "8082" }] }, Runtime: "runc" },
  networks: [
    {
      ...{ network: overlay(appnet, "appnet"), aliases: [] },
      endpoint: { endpointId: "ad1808b5", mac: "02:42:0a:00:04:04", address: "10.0.4.4/24" },
    },
    {
      ...{ network: overlay(ingress, "ingress"), aliases: [] },
      endpoint: { endpointId: "374cc6c1", mac: "02:42:0a:00:00:09", address: "10.0.0.9/24" },
    },
  ],
  ports: [{ protocol: "tcp", published: 8082, target: 81 }],
};
/** As an engine shows a container without a network. */
const none = { none: { NetworkID: "f".repeat(64), EndpointID: "e".repeat(64) } };
const inspected = (Networks: object = none) => ({
  ...{
    Id,
    Config: { Hostname: "full-2" },
    HostConfig: { NetworkMode: "none", Runtime: "skep", PortBindings: null, Memory: 5 },
  },
  NetworkSettings: { SandboxID: "d6", Ports: {}, Networks },
});

test("a task's container is shown with its networks and ports, as Docker Swarm does it", () => {
  expect(inspectAttached(inspected(), task)).toEqual({
    ...{ Id, Config: { Hostname: "full-2" } },
    HostConfig: {
      ...{ NetworkMode: "default", Runtime: "runc", Memory: 5 },
      PortBindings: { "81/tcp": [{ HostIp: "", HostPort: "8082" }] },
    },
    NetworkSettings: {
      SandboxID: "d6",
      Ports: { "81/tcp": [{ HostIp: "0.0.0.0", HostPort: "8082" }] },
      Networks: recordedNetworks(["a351a41232a1", "full-2"]),
    },
  });
});

test("so it is in the list of containers", () => {
  const listed = {
    Id,
    Ports: [],
    HostConfig: { NetworkMode: "none" },
    NetworkSettings: { Networks: none },
    State: "running",
  };
  expect(listAttached(listed, task)).toEqual({
    ...{ Id, State: "running", HostConfig: { NetworkMode: "default" } },
    Ports: [{ IP: "0.0.0.0", PrivatePort: 81, PublicPort: 8082, Type: "tcp" }],
    NetworkSettings: { Networks: recordedNetworks(null) },
  });
});

test("a container that does not run keeps its networks without addresses", () => {
  const network = overlay(appnet, "appnet");
  const stopped = { ...task, networks: [{ network, aliases: ["pl"], wanted: "10.0.4.9" }] };
  const { NetworkSettings } = inspectAttached(inspected(), stopped) as { NetworkSettings: object };
  expect(NetworkSettings).toMatchObject({
    Ports: {},
    Networks: {
      appnet: {
        IPAMConfig: { IPv4Address: "10.0.4.9" },
        Aliases: ["pl", "a351a41232a1", "full-2"],
        IPAddress: "",
        EndpointID: "",
      },
    },
  });
});

test("networks of the engine's stay, and so does what the engine was asked", () => {
  const bridge = { bridge: { IPAddress: "172.17.0.2" } };
  const shown = inspectAttached(inspected(bridge), { ...task, asked: {} }) as {
    readonly NetworkSettings: { readonly Networks: object };
  };
  expect(Object.keys(shown.NetworkSettings.Networks).sort()).toEqual(["appnet", "bridge", "ingress"]);
});

test("containers are found by the name of a network, and by the beginning of its id", () => {
  expect(["appnet", appnet, appnet.slice(0, 3), "ingress"].map((term) => isOnNetwork(task, term))).toEqual([
    true,
    true,
    true,
    true,
  ]);
  expect(["app", "none"].map((term) => isOnNetwork(task, term))).toEqual([false, false]);
});
