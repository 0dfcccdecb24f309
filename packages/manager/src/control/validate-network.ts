import {
  type AddressBlock,
  blockCovers,
  blockHolds,
  blocksOverlap,
  DomainError,
  formatAddress,
  formatBlock,
  type IpamConfig,
  type NetworkSpec,
  networkOption,
  parseAddress,
  parseBlock,
  rpcError,
  type Subnet,
} from "@skep/model";
import { lastVni } from "../allocator/claim-vni.ts";
import { validateDnsName } from "./names.ts";
import { notYet, unimplemented } from "./not-yet.ts";

const invalid = (message: string) => rpcError("InvalidArgument", message);

/** What Docker refuses, in its order and words, and what this version cannot do, with what to do instead. */
export function validateNetwork(spec: NetworkSpec): void {
  const { Name: name, Driver: driver = "" } = spec;
  if (!name) throw new DomainError("internal", `invalid name: ${name ?? ""}`);
  if (["host", "bridge", "none", "default"].includes(name)) {
    throw new DomainError("forbidden", `operation is not permitted on predefined ${name} network `);
  }
  validateDnsName(name);
  if (["bridge", "host", "macvlan", "ipvlan", "null"].includes(driver))
    throw unimplemented(notYet.localNetworks(driver));
  if (driver !== "" && driver !== "overlay") throw new DomainError("not-found", `plugin "${driver}" not found`);
  if (spec.Ingress && spec.Attachable) throw invalid("ingress network cannot be attachable");
  if (spec.Ingress && spec.Internal) throw invalid("ingress network cannot be internal");
  validateLabels(spec);
  if (spec.EnableIPv6) throw unimplemented(notYet.ipv6);
  validateOptions(spec);
  validateIpam(spec);
}

function validateLabels({ Labels: labels = {} }: NetworkSpec): void {
  const label = "com.docker.swarm.predefined";
  if (label in labels)
    throw rpcError(
      "PermissionDenied",
      `label ${label} is for internally created predefined networks and cannot be applied by users`,
    );
}

function validateOptions({ Options: options = {} }: NetworkSpec): void {
  const { [networkOption.mtu]: mtu, [networkOption.encrypted]: encrypted } = options;
  if (encrypted !== undefined && encrypted !== "false") throw unimplemented(notYet.encryption);
  if (mtu !== undefined && !isWhole(mtu, 68, 65535)) {
    throw invalid(
      `invalid value for option ${networkOption.mtu}: ${JSON.stringify(mtu)} is not a number from 68 to 65535`,
    );
  }
  givenVni({ Options: options });
}

const isWhole = (text: string, least: number, most: number): boolean =>
  /^\d{1,9}$/.test(text) && Number(text) >= least && Number(text) <= most;

/** The VXLAN id the operator chose; one for the whole network, as all its subnets share it here. */
export function givenVni({ Options: options = {} }: Pick<NetworkSpec, "Options">): number | undefined {
  const text = options[networkOption.vni];
  if (text === undefined) return undefined;
  if (!isWhole(text, 1, lastVni)) {
    throw invalid(
      `invalid value for option ${networkOption.vni}: ${JSON.stringify(text)} is not one number from 1 to ${lastVni}`,
    );
  }
  return Number(text);
}

function validateIpam({ IPAM: ipam }: NetworkSpec): void {
  const driver = ipam?.Driver || "default";
  if (driver !== "default") throw new DomainError("not-found", `plugin "${driver}" not found`);
  const [option] = Object.keys(ipam?.Options ?? {});
  if (option !== undefined) throw invalid(`IPAM option ${option} is unknown: the default IPAM driver has none`);
  givenSubnets({ IPAM: ipam ?? {} });
}

/** The subnets the operator chose, each with its gateway; none when the pool is to provide one. */
export function givenSubnets({ IPAM: ipam }: Pick<NetworkSpec, "IPAM">): Subnet[] {
  const subnets = (ipam?.Config ?? []).flatMap(givenSubnet);
  const blocks = subnets.flatMap(({ subnet }) => parseBlock(subnet) ?? []);
  blocks.forEach((block, i) => {
    const other = blocks.slice(0, i).find((each) => blocksOverlap(each, block));
    if (other) throw invalid(`subnets ${formatBlock(other)} and ${formatBlock(block)} of the network overlap`);
  });
  return subnets;
}

/** An entry without a subnet chooses nothing, as long as nothing else is in it. */
function givenSubnet(config: IpamConfig): Subnet[] {
  const { Subnet: text, IPRange: range, Gateway: gateway, AuxiliaryAddresses: auxiliary } = config;
  if (!text) {
    if (!range && !gateway && Object.keys(auxiliary ?? {}).length === 0) return [];
    throw invalid("an IP range, a gateway or auxiliary addresses need a subnet: give --subnet too");
  }
  const subnet = subnetBlock(text);
  const reserved = Object.entries(auxiliary ?? {}).map(([name, address]) =>
    formatAddress(within(subnet, address, `auxiliary address ${name}`)),
  );
  return [
    {
      subnet: formatBlock(subnet),
      gateway: formatAddress(gateway ? host(subnet, gateway, "gateway") : subnet.first + 1),
      ...(range && { range: formatBlock(rangeBlock(subnet, range)) }),
      ...(reserved.length > 0 && { reserved }),
    },
  ];
}

function subnetBlock(text: string): AddressBlock {
  const block = parseBlock(text);
  if (!block && text.includes(":")) throw unimplemented(notYet.ipv6);
  if (!block) throw new DomainError("internal", `Invalid subnet ${text} : invalid CIDR address: ${text}`);
  const exact = formatBlock(block);
  if (exact !== text) throw invalid(`invalid subnet ${text}: it should be ${exact}`);
  if (block.length < 8 || block.length > 29) throw invalid(`invalid subnet ${text}: its size must be from /8 to /29`);
  return block;
}

function rangeBlock(subnet: AddressBlock, text: string): AddressBlock {
  const block = parseBlock(text);
  if (!block) throw invalid(`invalid ip-range ${text}: invalid CIDR address: ${text}`);
  if (blockCovers(subnet, block)) return block;
  throw invalid(`invalid ip-range ${text}: parent subnet is ${formatBlock(subnet)}`);
}

function within(subnet: AddressBlock, text: string, what: string): number {
  const address = parseAddress(text);
  if (address !== undefined && blockHolds(subnet, address)) return address;
  throw invalid(`invalid ${what} ${text}: parent subnet is ${formatBlock(subnet)}`);
}

function host(subnet: AddressBlock, text: string, what: string): number {
  const address = within(subnet, text, what);
  if (address !== subnet.first && address !== subnet.last) return address;
  throw invalid(`invalid ${what} ${text}: it is the network's or the broadcast address of ${formatBlock(subnet)}`);
}
