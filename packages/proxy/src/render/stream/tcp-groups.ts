import type { Line, Section } from "../config-text.ts";
import { bindLine, plainBind } from "../general/binds.ts";
import { timeoutLines } from "../language/phrases.ts";
import { identifier, phrase, portNumber } from "../language/quote.ts";
import type { NamedDestination, ServiceContext } from "../plan/destination.ts";
import { checkOf, serverOptions, taskAddresses, taskLine } from "../plan/servers.ts";
import type { RenderSettings } from "../settings.ts";

/** A destination's part of the `listen` section that several services share (`serviceGroup`). */
export interface GroupMember {
  readonly group: string;
  readonly owner: string;
  readonly port: number;
  /** What the first service of the group gives to the section. */
  readonly lines: readonly string[];
  /** HAProxy can take servers of this algorithm at run time. */
  readonly dynamic: boolean;
  readonly servers: readonly Line[];
}

export function groupMember(context: ServiceContext, named: NamedDestination): GroupMember {
  const { destination } = named;
  const { balanceGroup, srcPort } = destination;
  const group = identifier("serviceGroup", destination.serviceGroup);
  const port = portNumber("srcPort", srcPort);
  return {
    group,
    owner: context.service.serviceName,
    port,
    dynamic: balanceGroup === "" || /^(roundrobin|leastconn|random)\b/.test(balanceGroup),
    lines: [
      ...(destination.clitcpka ? ["option clitcpka"] : []),
      ...(destination.checkTcp ? ["option tcp-check"] : []),
      ...timeoutLines(destination, ["client", "server", "tunnel"]),
      ...(balanceGroup === "" ? [] : [`balance ${phrase("balanceGroup", balanceGroup)}`]),
    ],
    servers: groupServers(context, named, group, `tcpListen_${group}_${port}`),
  };
}

/** A server by the service's name, for the time when no task is known, and one for each task. */
function groupServers(context: ServiceContext, named: NamedDestination, group: string, backend: string): Line[] {
  const { serviceName, names } = context;
  const { host, port } = named;
  const name = names.claim(`server ${backend}`, `${group}-${serviceName}${port}`);
  const checks = checkOf(context, named) === "none" ? [] : ["check"];
  const options = [...checks, ...serverOptions(named)];
  return [
    ["server", name, `${host}:${port}`, ...options].join(" "),
    ...taskAddresses(context, host).map((address) =>
      taskLine({ backend, name: `${name}_${address}`, address: `${address}:${port}`, options: options.join(" ") }),
    ),
  ];
}

/** `listen tcpListen_g1_11883`, one for each group and port; `members` are in the order of the services' aclNames. */
export function groupSections(members: readonly GroupMember[], settings: RenderSettings): Section[] {
  const sections = Map.groupBy(members, ({ group, port }) => `tcpListen_${group}_${port}`);
  return [...sections].flatMap(([name, some]) => {
    const [first] = some;
    if (!first) return [];
    const common = [bindLine(plainBind(first.port), settings, undefined), "mode tcp", ...first.lines];
    const servers = some.map((member) => ({
      owners: [member.owner],
      lines: first.dynamic
        ? member.servers
        : member.servers.map((line) => (typeof line === "string" ? line : line.text)),
    }));
    return [{ header: `listen ${name}`, owners: [first.owner], blocks: [{ lines: common }, ...servers] }];
  });
}
