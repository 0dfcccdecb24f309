/** Numbers of rtnetlink(7), as in linux/rtnetlink.h, if_link.h, if_addr.h, neighbour.h, fib_rules.h and pkt_cls.h. */

export const AF_INET = 2;
export const PF_BRIDGE = 7;

export const RTM = {
  newLink: 16,
  deleteLink: 17,
  getLink: 18,
  newAddress: 20,
  deleteAddress: 21,
  getAddress: 22,
  newRoute: 24,
  deleteRoute: 25,
  getRoute: 26,
  newNeighbour: 28,
  deleteNeighbour: 29,
  getNeighbour: 30,
  newRule: 32,
  deleteRule: 33,
  getRule: 34,
  newDiscipline: 36,
  getDiscipline: 38,
  newFilter: 44,
  getFilter: 46,
  getNamespaceId: 90,
} as const;

export const IFLA = {
  address: 1,
  name: 3,
  mtu: 4,
  link: 5,
  linkInfo: 18,
  namespaceFd: 28,
  linkNamespaceId: 37,
  infoKind: 1,
  infoData: 2,
  vethPeer: 1,
  vxlanId: 1,
  vxlanLocal: 4,
  vxlanLearning: 7,
  vxlanPort: 15,
} as const;

export const IFA = { address: 1, local: 2, flags: 8 } as const;
export const RTA = { destination: 1, device: 4, gateway: 5, source: 7, metrics: 8, table: 15, metricMtu: 2 } as const;
export const NDA = { destination: 1, mac: 2 } as const;
export const FRA = { priority: 6, mark: 10, table: 15, mask: 16 } as const;
/** Of linux/pkt_sched.h and pkt_cls.h. */
export const TCA = { kind: 1, options: 2, bpfFd: 6, bpfName: 7, bpfFlags: 8, bpfTag: 10, bpfId: 11 } as const;
export const NETNSA = { id: 1, fd: 3 } as const;

export const IFF_UP = 1;
export const IFA_F_NOPREFIXROUTE = 0x200;
export const NUD_PERMANENT = 0x80;
export const NTF_SELF = 2;
export const RTNH_F_ONLINK = 4;
export const RTM_F_CLONED = 0x200;
export const RTN_UNICAST = 1;
export const RTN_UNREACHABLE = 7;
export const RT_SCOPE_LINK = 253;
export const RT_SCOPE_NOWHERE = 255;
export const RT_TABLE_UNSPEC = 0;
export const RT_TABLE_MAIN = 254;
export const RT_TABLE_LOCAL = 255;
export const RTPROT_KERNEL = 2;
export const RTPROT_STATIC = 4;
export const FR_ACT_TO_TBL = 1;
export const FIB_RULE_INVERT = 2;
export const TC_H_CLSACT = 0xfffffff1;
export const TC_H_CLSACT_SIDE = { ingress: 0xfffffff2, egress: 0xfffffff3 } as const;
export const TCA_BPF_FLAG_ACT_DIRECT = 1;
/** A rule compares every bit of the mark unless it says otherwise. */
export const wholeMark = 0xffffffff;

/** struct ifinfomsg; a link of index 0 is told by its name. */
export function linkHeader(index = 0, flags = 0, change = 0): Buffer {
  const header = Buffer.alloc(16);
  header.writeInt32LE(index, 4);
  header.writeUInt32LE(flags, 8);
  header.writeUInt32LE(change, 12);
  return header;
}

/** struct ifaddrmsg. */
export function addressHeader(prefixLength = 0, index = 0): Buffer {
  const header = Buffer.alloc(8);
  header[0] = AF_INET;
  header[1] = prefixLength;
  header.writeUInt32LE(index, 4);
  return header;
}

export interface RouteHeader {
  readonly prefixLength?: number;
  readonly protocol?: number;
  readonly scope?: number;
  readonly type?: number;
  readonly flags?: number;
}

/** struct rtmsg; the table goes into an attribute, which takes all 32 bits. */
export function routeHeader({
  prefixLength = 0,
  protocol = 0,
  scope = 0,
  type = 0,
  flags = 0,
}: RouteHeader = {}): Buffer {
  const header = Buffer.from([AF_INET, prefixLength, 0, 0, RT_TABLE_UNSPEC, protocol, scope, type, 0, 0, 0, 0]);
  header.writeUInt32LE(flags, 8);
  return header;
}

/** struct ndmsg. */
export function neighbourHeader(family: number, index = 0, state = 0, flags = 0): Buffer {
  const header = Buffer.alloc(12);
  header[0] = family;
  header.writeInt32LE(index, 4);
  header.writeUInt16LE(state, 8);
  header[10] = flags;
  return header;
}

/** struct fib_rule_hdr. */
export function ruleHeader(action = 0, flags = 0): Buffer {
  const header = Buffer.from([AF_INET, 0, 0, 0, RT_TABLE_UNSPEC, 0, 0, action, 0, 0, 0, 0]);
  header.writeUInt32LE(flags, 8);
  return header;
}

/** struct tcmsg. */
export function trafficHeader({ index = 0, handle = 0, parent = 0, info = 0 } = {}): Buffer {
  const header = Buffer.alloc(20);
  header.writeInt32LE(index, 4);
  header.writeUInt32LE(handle, 8);
  header.writeUInt32LE(parent, 12);
  header.writeUInt32LE(info, 16);
  return header;
}
