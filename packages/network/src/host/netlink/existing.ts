import type { NamespacePath, NetlinkRequest } from "../kernel.ts";
import { inNamespace } from "../netns.ts";
import { decodeAddress, decodeLink, decodeLinkedTo } from "./decode.ts";
import { encodeRequest, getLink } from "./encode.ts";
import { attribute, type Message, message, NLM_F_ACK, NLM_F_DUMP, parseAttributes, u32 } from "./message.ts";
import * as rt from "./rtnetlink.ts";
import { NETNSA, RTM } from "./rtnetlink.ts";
import { NETLINK_ROUTE, NetlinkSocket } from "./socket.ts";

type Of<Do extends NetlinkRequest["do"]> = Extract<NetlinkRequest, { do: Do }>;

/**
 * What to do about "exists already": `same` – it is as asked for; `replaced` – it differed and is gone now, ask again;
 * `refused` – it is not ours to take away.
 */
export type Existing = "same" | "replaced" | "refused";

/** Looks at what stands in the way of a request that was answered with `EEXIST`, in the namespace of the socket. */
export async function settleExisting(
  request: NetlinkRequest,
  socket: NetlinkSocket,
  namespaceFd: number,
): Promise<Existing> {
  switch (request.do) {
    case "add-veth":
      return isSameVeth(request, socket) ? "same" : "refused";
    case "add-vxlan":
      return settleVxlan(request, namespaceFd);
    case "add-address":
      return settleAddress(request, socket);
    case "add-rule":
    case "add-clsact":
      return "same";
    default:
      return "refused";
  }
}

/** The link of a name, in the namespace of the socket. */
export function findLink(socket: NetlinkSocket, name: string): Message | undefined {
  return socket.exchangeNow(getLink(name)).messages[0];
}

interface Wanted {
  readonly name: string;
  readonly mac: string;
  readonly mtu: number;
}

function isLike(found: Message, kind: string, wanted: Wanted): boolean {
  const link = decodeLink(found);
  return link.kind === kind && link.mac === wanted.mac.toLowerCase() && link.mtu === wanted.mtu;
}

/** Both ends must be as asked for, and the ends of one another. */
function isSameVeth(request: Of<"add-veth">, socket: NetlinkSocket): boolean {
  const here = findLink(socket, request.name);
  const there = withSocketIn(request.peer.in, (peerSocket) => findLink(peerSocket, request.peer.name));
  if (!here || !there || !isLike(here, "veth", request) || !isLike(there, "veth", request.peer)) return false;
  return (
    decodeLinkedTo(here).index === decodeLink(there).index && decodeLinkedTo(there).index === decodeLink(here).index
  );
}

/** Another tunnel of the same name is deleted; of anything else of that name, or the same VNI elsewhere, nobody may dispose. */
async function settleVxlan(request: Of<"add-vxlan">, namespaceFd: number): Promise<Existing> {
  using there = socketIn(request.in);
  const found = findLink(there, request.name);
  if (!found || decodeLink(found).kind !== "vxlan") return "refused";
  const { vxlan } = decodeLink(found);
  const same =
    isLike(found, "vxlan", request) &&
    vxlan?.vni === request.vni &&
    vxlan.local === request.local &&
    vxlan.port === request.port &&
    decodeLinkedTo(found).namespaceId === namespaceId(there, namespaceFd);
  if (same) return "same";
  const [deleted] = await there.exchange([encodeByName({ do: "delete-link", name: request.name })], "slow");
  return deleted?.errno === undefined ? "replaced" : "refused";
}

/** An address is not changed by adding it again; with other flags it has to be made anew. */
async function settleAddress(request: Of<"add-address">, socket: NetlinkSocket): Promise<Existing> {
  const found = findLink(socket, request.device);
  if (!found) return "refused";
  const { index } = decodeLink(found);
  const names = new Map([[index, request.device]]);
  const all = await socket.dump(message(RTM.getAddress, NLM_F_DUMP, rt.addressHeader()));
  const present = all
    .map((entry) => decodeAddress(entry, names))
    .find(({ device, address }) => device === request.device && address === request.address);
  if (!present || present.noPrefixRoute === (request.noPrefixRoute || undefined)) return "same";
  const bytes = encodeRequest({ ...request, do: "delete-address" }, { ...nothing, linkIndex: () => index });
  const [deleted] = await socket.exchange([bytes]);
  return deleted?.errno === undefined ? "replaced" : "refused";
}

const nothing = { linkIndex: () => 0, namespaceFd: () => -1, filterFd: () => -1 };

const encodeByName = (request: Of<"delete-link">) => encodeRequest(request, nothing);

/** The number by which the kernel tells, in the socket's namespace, of another namespace; -1 when it has none. */
function namespaceId(socket: NetlinkSocket, namespaceFd: number): number {
  const request = message(RTM.getNamespaceId, NLM_F_ACK, Buffer.alloc(4), attribute(NETNSA.fd, u32(namespaceFd)));
  const [answer] = socket.exchangeNow(request).messages;
  return answer ? (parseAttributes(answer.body, 4).get(NETNSA.id)?.readInt32LE(0) ?? -1) : -1;
}

function socketIn(path: NamespacePath): NetlinkSocket {
  return inNamespace(path, () => new NetlinkSocket(NETLINK_ROUTE));
}

function withSocketIn<T>(path: NamespacePath, work: (socket: NetlinkSocket) => T): T {
  using socket = socketIn(path);
  return work(socket);
}
