import { unreachable } from "@skep/model";
import { filterName } from "../bpf/shortcuts.ts";
import type { DeviceFilter, FdbEntry, NamespacePath, NetlinkRequest, PolicyRule, Route } from "../kernel.ts";
import { ipv4Bytes, macBytes, parsePrefix } from "./addresses.ts";
import {
  attribute,
  be16,
  message,
  NLM_F_ACK,
  NLM_F_CREATE,
  NLM_F_EXCL,
  NLM_F_REPLACE,
  nested,
  text,
  u8,
  u32,
} from "./message.ts";
import * as rt from "./rtnetlink.ts";
import { FRA, IFA, IFLA, NDA, RTA, RTM, TCA } from "./rtnetlink.ts";

/** What a request's names stand for at the moment it is sent. */
export interface Resolver {
  /** The index of a link; throws `ENODEV` when there is none. */
  linkIndex(name: string): number;
  /** An open namespace. */
  namespaceFd(path: NamespacePath): number;
  /** The program of a filter, for the device of that index. */
  filterFd(filter: DeviceFilter, index: number): number;
}

const make = NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL;
const put = NLM_F_ACK | NLM_F_CREATE | NLM_F_REPLACE;

/** The message that asks the kernel for it. */
export function encodeRequest(request: NetlinkRequest, resolve: Resolver): Buffer {
  switch (request.do) {
    case "add-veth":
      return addVeth(request, resolve);
    case "add-vxlan":
      return addVxlan(request, resolve);
    case "set-link":
      return setLink(request);
    case "delete-link":
      return message(RTM.deleteLink, NLM_F_ACK, rt.linkHeader(), attribute(IFLA.name, text(request.name)));
    case "add-address": {
      const flags = request.noPrefixRoute ? rt.IFA_F_NOPREFIXROUTE : 0;
      return address(RTM.newAddress, make, request, resolve, attribute(IFA.flags, u32(flags)));
    }
    case "delete-address":
      return address(RTM.deleteAddress, NLM_F_ACK, request, resolve);
    case "put-route":
      return putRoute(request, resolve);
    case "delete-route":
      return deleteRoute(request);
    case "put-neighbour": {
      const header = rt.neighbourHeader(rt.AF_INET, resolve.linkIndex(request.device), rt.NUD_PERMANENT);
      const to = attribute(NDA.destination, ipv4Bytes(request.address));
      return message(RTM.newNeighbour, put, header, to, attribute(NDA.mac, macBytes(request.mac)));
    }
    case "delete-neighbour": {
      const header = rt.neighbourHeader(rt.AF_INET, resolve.linkIndex(request.device));
      return message(RTM.deleteNeighbour, NLM_F_ACK, header, attribute(NDA.destination, ipv4Bytes(request.address)));
    }
    case "put-fdb":
      return fdb(RTM.newNeighbour, put, request, resolve);
    case "delete-fdb":
      return fdb(RTM.deleteNeighbour, NLM_F_ACK, request, resolve);
    case "add-rule":
      return rule(RTM.newRule, make, request);
    case "delete-rule":
      return rule(RTM.deleteRule, NLM_F_ACK, request);
    case "add-clsact": {
      const header = rt.trafficHeader({ index: resolve.linkIndex(request.device), parent: rt.TC_H_CLSACT });
      return message(RTM.newDiscipline, make, header, attribute(TCA.kind, text("clsact")));
    }
    case "put-filter":
      return putFilter(request, resolve);
    default:
      return unreachable(request);
  }
}

type Of<Do extends NetlinkRequest["do"]> = Extract<NetlinkRequest, { do: Do }>;

const linkAttributes = ({ name, mac, mtu }: { name: string; mac: string; mtu: number }) => [
  attribute(IFLA.name, text(name)),
  attribute(IFLA.address, macBytes(mac)),
  attribute(IFLA.mtu, u32(mtu)),
];

const linkInfo = (kind: string, ...data: Buffer[]) =>
  nested(IFLA.linkInfo, attribute(IFLA.infoKind, text(kind)), nested(IFLA.infoData, ...data));

const into = (path: NamespacePath, resolve: Resolver) => attribute(IFLA.namespaceFd, u32(resolve.namespaceFd(path)));

function addVeth({ peer, ...link }: Of<"add-veth">, resolve: Resolver): Buffer {
  const other = nested(IFLA.vethPeer, rt.linkHeader(), ...linkAttributes(peer), into(peer.in, resolve));
  return message(RTM.newLink, make, rt.linkHeader(), ...linkAttributes(link), linkInfo("veth", other));
}

function addVxlan({ vni, local, port, ...link }: Of<"add-vxlan">, resolve: Resolver): Buffer {
  const data = [
    attribute(IFLA.vxlanId, u32(vni)),
    attribute(IFLA.vxlanLocal, ipv4Bytes(local)),
    attribute(IFLA.vxlanPort, be16(port)),
    attribute(IFLA.vxlanLearning, u8(0)),
  ];
  const where = into(link.in, resolve);
  return message(RTM.newLink, make, rt.linkHeader(), ...linkAttributes(link), where, linkInfo("vxlan", ...data));
}

function setLink({ name, up, mtu, mac }: Of<"set-link">): Buffer {
  const header = rt.linkHeader(0, up ? rt.IFF_UP : 0, up === undefined ? 0 : rt.IFF_UP);
  const changes = [attribute(IFLA.name, text(name))];
  if (mtu !== undefined) changes.push(attribute(IFLA.mtu, u32(mtu)));
  if (mac !== undefined) changes.push(attribute(IFLA.address, macBytes(mac)));
  return message(RTM.newLink, NLM_F_ACK, header, ...changes);
}

function address(
  type: number,
  flags: number,
  { device, address }: Of<"delete-address"> | Of<"add-address">,
  resolve: Resolver,
  ...more: Buffer[]
): Buffer {
  const { address: bytes, length } = parsePrefix(address);
  const header = rt.addressHeader(length, resolve.linkIndex(device));
  return message(type, flags, header, attribute(IFA.local, bytes), attribute(IFA.address, bytes), ...more);
}

function putRoute(route: Route, resolve: Resolver): Buffer {
  const { address, length } = parsePrefix(route.destination);
  const header = rt.routeHeader({
    prefixLength: length,
    protocol: rt.RTPROT_STATIC,
    scope: route.scope === "link" ? rt.RT_SCOPE_LINK : 0,
    type: route.type === "unreachable" ? rt.RTN_UNREACHABLE : rt.RTN_UNICAST,
    flags: route.onlink ? rt.RTNH_F_ONLINK : 0,
  });
  const attributes = [attribute(RTA.table, u32(route.table ?? rt.RT_TABLE_MAIN))];
  if (length > 0) attributes.push(attribute(RTA.destination, address));
  if (route.via !== undefined) attributes.push(attribute(RTA.gateway, ipv4Bytes(route.via)));
  if (route.device !== undefined) attributes.push(attribute(RTA.device, u32(resolve.linkIndex(route.device))));
  if (route.source !== undefined) attributes.push(attribute(RTA.source, ipv4Bytes(route.source)));
  if (route.mtu !== undefined) attributes.push(nested(RTA.metrics, attribute(RTA.metricMtu, u32(route.mtu))));
  return message(RTM.newRoute, put, header, ...attributes);
}

function deleteRoute({ destination, table = rt.RT_TABLE_MAIN }: Of<"delete-route">): Buffer {
  const { address, length } = parsePrefix(destination);
  const header = rt.routeHeader({ prefixLength: length, scope: rt.RT_SCOPE_NOWHERE }); // of any scope
  const to = length > 0 ? [attribute(RTA.destination, address)] : [];
  return message(RTM.deleteRoute, NLM_F_ACK, header, attribute(RTA.table, u32(table)), ...to);
}

function fdb(type: number, flags: number, { device, mac, destination }: FdbEntry, resolve: Resolver): Buffer {
  const index = resolve.linkIndex(device);
  const header = rt.neighbourHeader(rt.PF_BRIDGE, index, rt.NUD_PERMANENT, rt.NTF_SELF);
  const to = attribute(NDA.destination, ipv4Bytes(destination));
  return message(type, flags, header, attribute(NDA.mac, macBytes(mac)), to);
}

function rule(type: number, flags: number, { priority, mark, mask, not, table }: PolicyRule): Buffer {
  const header = rt.ruleHeader(rt.FR_ACT_TO_TBL, not ? rt.FIB_RULE_INVERT : 0);
  return message(
    type,
    flags,
    header,
    attribute(FRA.priority, u32(priority)),
    attribute(FRA.mark, u32(mark)),
    attribute(FRA.mask, u32(mask ?? rt.wholeMark)),
    attribute(FRA.table, u32(table)),
  );
}

/** One filter on each side, the first there is, for IPv4. */
function filterHeader(index: number, side: DeviceFilter["side"]): Buffer {
  const [handle, priority, ipv4] = [1, 1, 0x0008];
  return rt.trafficHeader({ index, handle, parent: rt.TC_H_CLSACT_SIDE[side], info: (priority << 16) | ipv4 });
}

const ofBpf = attribute(TCA.kind, text("bpf"));

function putFilter({ do: _, ...filter }: Of<"put-filter">, resolve: Resolver): Buffer {
  const index = resolve.linkIndex(filter.device);
  const options = nested(
    TCA.options,
    attribute(TCA.bpfFd, u32(resolve.filterFd(filter, index))),
    attribute(TCA.bpfName, text(filterName(filter.program))),
    attribute(TCA.bpfFlags, u32(rt.TCA_BPF_FLAG_ACT_DIRECT)),
  );
  return message(RTM.newFilter, put, filterHeader(index, filter.side), ofBpf, options);
}

/** Asks for one side's filter. */
export const getFilter = (index: number, side: DeviceFilter["side"]): Buffer =>
  message(RTM.getFilter, NLM_F_ACK, filterHeader(index, side), ofBpf);

/** Asks for one link by its name. */
export const getLink = (name: string): Buffer =>
  message(RTM.getLink, NLM_F_ACK, rt.linkHeader(), attribute(IFLA.name, text(name)));
