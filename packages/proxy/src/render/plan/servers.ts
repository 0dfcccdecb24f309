import { createHash } from "node:crypto";
import { parseAddress } from "@skep/model";
import type { Line } from "../config-text.ts";
import { refuse } from "../language/quote.ts";
import type { TaskServer } from "../rendered.ts";
import type { NamedDestination, ServiceContext } from "./destination.ts";

/** The servers of a backend. */
export interface ServerPlan {
  readonly lines: readonly Line[];
  /** The first line is for the time when no task is known: it needs a section whose `defaults` make servers backups. */
  readonly byTask: boolean;
}

export interface ServerWish {
  readonly context: ServiceContext;
  readonly named: NamedDestination;
  readonly backend: string;
  readonly port: number;
}

/** Sizes of `server-template` beyond this are refused: HAProxy sets all of it up at start. */
const mostReplicas = 2000;

/** `docker-flow-proxy.md` 4.6, and a line for each task. */
export function serverPlan(wish: ServerWish): ServerPlan {
  const { context, named } = wish;
  const { service, input } = context;
  if (named.destination.reqMode === "http" && service.sessionType !== "") return stickyServers(wish);
  const discovery = service.discoveryType || input.settings.services.discoveryType;
  if (discovery === "DNS") return { lines: [serverTemplate(wish)], byTask: false };
  if (discovery === "VIP") return { lines: [classicalServer(wish)], byTask: false };
  const tasks = taskAddresses(context, named.host).map((address) => taskServer(wish, address));
  const text = classicalServer(wish);
  const isStopped = tasks.length === 0 && input.idle?.has(named.host);
  const first = isStopped ? { text, stopped: `${wish.backend}/${context.serviceName}` } : text;
  return { lines: [first, ...tasks], byTask: true };
}

/** `server go-demo go-demo:8080` */
function classicalServer({ context, named, port }: ServerWish): string {
  const checks = { none: [], plain: ["check"], resolvers: ["check resolvers docker"] }[checkOf(context, named)];
  return ["server", context.serviceName, `${named.host}:${port}`, ...checks, ...serverOptions(named)].join(" ");
}

/** `server go-demo.10.0.1.5 10.0.1.5:8080 no-backup` */
function taskServer({ context, named, backend, port }: ServerWish, address: string): Line {
  const checks = checkOf(context, named) === "none" ? [] : ["check"];
  const options = [...checks, ...serverOptions(named)].join(" ");
  const server = { backend, name: `${context.serviceName}.${address}`, address: `${address}:${port}`, options };
  return taskLine(server);
}

function serverTemplate({ context, named, port }: ServerWish): string {
  const { service, serviceName } = context;
  const count = service.replicas || taskAddresses(context, named.host).length || 1;
  if (count > mostReplicas) refuse("replicas", `${count}`, `at most ${mostReplicas} servers of one name`);
  const check = checkOf(context, named) === "resolvers" ? "check resolvers docker" : "check";
  const prefix = serviceName.replaceAll(":", "_"); // HAProxy takes no colon here
  return ["server-template", prefix, count, `${named.host}:${port}`, check, ...serverOptions(named)].join(" ");
}

/**
 * A server for each task whose name and cookie go with the task's address, so that sessions stay where they are when
 * other tasks come and go. HAProxy 2.6 takes no cookies for servers added at run time, so these are part of the structure.
 */
function stickyServers({ context, named, port }: ServerWish): ServerPlan {
  const { service, serviceName } = context;
  const sticky = service.sessionType === "sticky-server";
  const session = sticky ? ["balance roundrobin", `cookie ${serviceName} insert indirect nocache`] : [];
  const tasks = taskAddresses(context, serviceName).map((address) => {
    const options = ["check cookie", cookieOf(serviceName, address), ...serverOptions(named), "no-backup"].join(" ");
    return `server ${serviceName}_${address} ${address}:${port} ${options}`;
  });
  return { lines: [...session, classicalServer({ context, named, port, backend: "" }), ...tasks], byTask: true };
}

/** The same for every replica of the proxy, and without the address in it. */
const cookieOf = (serviceName: string, address: string): string =>
  createHash("sha256").update(`${serviceName} ${address}`).digest("hex").slice(0, 12);

/** A line that the runtime API may add and take away, in a section whose `defaults` make servers backups. */
export const taskLine = (server: TaskServer): Line => ({
  text: ["server", server.name, server.address, ...(server.options === "" ? [] : [server.options]), "no-backup"].join(
    " ",
  ),
  server,
});

/** In numerical order, each once. What is no IPv4 address is left out. */
export function taskAddresses({ input }: ServiceContext, serviceName: string): string[] {
  const byNumber = new Map((input.tasks.get(serviceName) ?? []).map((text) => [parseAddress(text), text]));
  const numbers = [...byNumber.keys()].filter((number) => number !== undefined);
  return numbers.sort((a, b) => a - b).map((number) => byNumber.get(number) ?? "");
}

/** Whether HAProxy looks after the server, and whether it follows the server's name to other addresses. */
export function checkOf({ service, input }: ServiceContext, { destination }: NamedDestination) {
  if (service.checkResolvers || input.settings.services.checkResolvers) return "resolvers";
  return destination.reqMode !== "http" && destination.checkTcp ? "plain" : "none";
}

/** What stands on each server's line behind its check. */
export function serverOptions({ destination }: NamedDestination): string[] {
  const { maxConn = 0, sslVerifyNone } = destination;
  if (!/^\d{1,7}$/.test(`${maxConn}`)) refuse("maxConn", `${maxConn}`, "not a number of connections");
  return [...(sslVerifyNone ? ["ssl verify none"] : []), ...(maxConn > 0 ? [`maxconn ${maxConn}`] : [])];
}
