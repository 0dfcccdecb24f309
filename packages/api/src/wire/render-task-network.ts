import { isIngress, type Network, networkOption } from "@skep/model";
import { renderMeta } from "./render-meta.ts";
import { driverOf, isAllocated, optionsOf, renderSubnet } from "./render-network.ts";

/** The whole network, as every task that is on it shows it: another form than that of `GET /networks`. */
export function renderTaskNetwork(network: Network) {
  const { spec } = network;
  const options = optionsOf(network);
  return {
    ID: network.id,
    ...renderMeta(network),
    Spec: {
      Name: spec.Name,
      Labels: spec.Labels ?? {},
      DriverConfiguration: renderDriver(isFromTheStart(network) ? "" : spec.Driver, spec.Options),
      ...(spec.EnableIPv6 && { IPv6Enabled: true }),
      ...(spec.Internal && { Internal: true }),
      ...(spec.Attachable && { Attachable: true }),
      ...(spec.Ingress && { Ingress: true }),
      ...(spec.IPAM || isAllocated(network) ? { IPAMOptions: renderIpamOptions(network) } : {}),
      Scope: "swarm",
    },
    DriverState: { Name: driverOf(network), ...(options && { Options: options }) },
    IPAMOptions: {
      Driver: isAllocated(network) ? renderDriver(spec.IPAM?.Driver || "default", spec.IPAM?.Options) : {},
      ...(isAllocated(network) && { Configs: network.subnets.map(renderSubnet) }),
    },
  };
}

/** The ingress network that was made with the swarm: nobody asked for it in more words. */
const isFromTheStart = ({ spec }: Network): boolean => isIngress({ spec }) && spec.IPAM === undefined;

/** As it was asked for. */
function renderIpamOptions(network: Network) {
  const { IPAM: ipam } = network.spec;
  return {
    Driver: renderDriver(ipam?.Driver || (isFromTheStart(network) ? "" : "default"), ipam?.Options),
    ...(ipam?.Config?.length && {
      Configs: ipam.Config.map(({ Subnet, IPRange, Gateway }) => ({
        ...(Subnet && { Subnet }),
        ...(IPRange && { Range: IPRange }),
        ...(Gateway && { Gateway }),
      })),
    }),
  };
}

function renderDriver(name: string | undefined, options: Readonly<Record<string, string>> | undefined) {
  const given = options && Object.fromEntries(Object.entries(options).filter(([key]) => key !== networkOption.vni));
  return { ...(name && { Name: name }), ...(given && Object.keys(given).length > 0 && { Options: given }) };
}
