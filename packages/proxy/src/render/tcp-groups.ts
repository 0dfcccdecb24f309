import { bindLine, plainBind } from "./binds.ts";
import type { Line, Section } from "./config-text.ts";
import type { NamedDestination, ServiceContext } from "./destination.ts";
import { timeoutLines } from "./phrases.ts";
import { identifier, phrase, portNumber } from "./quote.ts";
import { checkOf, serverOptions, taskAddresses, taskLine } from "./servers.ts";
import type { RenderSettings } from "./settings.ts";
import { clientLines } from "./stream-route.ts";

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
      ...clientLines(named).toReversed(),
      ...(destination.checkTcp ? ["option tcp-check"] : []),
      ...timeoutLines(destination, ["server", "tunnel"]),
      ...(balanceGroup === "" ? [] : [`balance ${phrase("balanceGroup", balanceGroup)}`]),
    ],
    servers: groupServers(context, named, group, `tcpListen_${group}_${port}`),
  };
}

/** A server for each task; behind them one by the service's name, for the time when no task is known. */
function groupServers(context: ServiceContext, named: NamedDestination, group: string, backend: string): Line[] {
  const { serviceName, names } = context;
  const base = `${group}-${serviceName}${named.port}`;
  const [check = "", ...options] = [checkOf(context, named) === "none" ? "" : "check", ...serverOptions(named)];
  const words = [check, ...options].filter((each) => each !== "").join(" ");
  const name = names.claim(`server ${backend}`, `${base}_0`);
  const tasks = taskAddresses(context, named.host).map((address) =>
    taskLine({ backend, name: `${name.replace(/_0(?=\.|$)/, "")}_${address}`, address: `${address}:${named.port}`, options: words }),
  );
  return [`server ${name} ${named.host}:${named.port}${words && ` ${words}`}`, ...tasks];
}

/** `listen tcpListen_g1_11883`, one for each group and port; `members` are in the order of the services' aclNames. */
export function groupSections(members: readonly GroupMember[], settings: RenderSettings): Section[] {
  const sections = Map.groupBy(members, ({ group, port }) => `tcpListen_${group}_${port}`);
  return [...sections].flatMap(([name, some]) => {
    const [first] = some;
    if (!first) return [];
    const common = [bindLine(plainBind(first.port), settings, undefined), "mode tcp", ...first.lines];
    const servers = some.map((member) => ({
      owner: member.owner,
      lines: first.dynamic ? member.servers : member.servers.map((line) => (typeof line === "string" ? line : line.text)),
    }));
    return [{ header: `listen ${name}`, owner: first.owner, blocks: [{ lines: common }, ...servers] }];
  });
}
