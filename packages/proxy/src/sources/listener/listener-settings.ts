import { DomainError } from "@skep/model";
import { parseGoBoolean, splitList } from "../../service/plain-text.ts";
import { isHttp } from "../call-http.ts";
import { defaultNotifyLabel } from "../swarm/swarm-services.ts";

/** One URL that is called with the parameters of a service or node. */
export interface NotifyUrl {
  readonly url: URL;
  readonly method: string;
}

/** The URLs of one host: what has happened to a service is told to it in the order in which it happened. */
export interface Endpoint {
  /** `proxy:8080` */
  readonly host: string;
  readonly create: readonly NotifyUrl[];
  readonly remove: readonly NotifyUrl[];
}

export interface ListenerSettings {
  readonly dockerHost: string;
  readonly notifyLabel: string;
  readonly serviceEndpoints: readonly Endpoint[];
  readonly nodeEndpoints: readonly Endpoint[];
  readonly retries: number;
  readonly retryIntervalMs: number;
  readonly servicePollingMs: number;
  readonly nodePollingMs: number;
  readonly serviceEvents: boolean;
  readonly nodeEvents: boolean;
  readonly includeNodeInfo: boolean;
  readonly nodeInfoWithAddress: boolean;
  readonly namePrefix: string;
  readonly createImmediately: boolean;
  /** Where a listener without a proxy answers. */
  readonly port: number;
}

export type Environment = Readonly<Record<string, string | undefined>>;
/** The content of a secret, undefined when there is no such. */
export type Secrets = (name: string) => string | undefined;

/** What is compared in any case, so that a lost event is never lost for good. */
const comparisonMs = 30_000;

/** Of the environment and the secrets of section 3.2; throws a DomainError that names the variable. */
export function parseListenerSettings(env: Environment, secrets: Secrets = () => undefined): ListenerSettings {
  const urls = (kind: string, legacy: readonly (string | undefined)[] = []) => {
    const name = `DF_NOTIFY_${kind}_URL`;
    const [old, oldest] = legacy;
    const lists = [old || env[name] || oldest, secrets(name.toLowerCase())];
    const methods = kind.endsWith("NODE") ? [] : list(env[`DF_NOTIFY_${kind}_METHOD`]);
    return parseUrls(
      name,
      lists.flatMap(list),
      methods.map((method) => method.toUpperCase()),
    );
  };
  return {
    dockerHost: env.DF_DOCKER_HOST || "unix:///var/run/docker.sock",
    notifyLabel: env.DF_NOTIFY_LABEL || defaultNotifyLabel,
    serviceEndpoints: groupByHost(
      urls("CREATE_SERVICE", [env.DF_NOTIF_CREATE_SERVICE_URL, env.DF_NOTIFICATION_URL]),
      urls("REMOVE_SERVICE", [env.DF_NOTIF_REMOVE_SERVICE_URL, env.DF_NOTIFICATION_URL]),
    ),
    nodeEndpoints: groupByHost(urls("CREATE_NODE"), urls("REMOVE_NODE")),
    retries: wholeNumber(env, "DF_RETRY", 50),
    retryIntervalMs: wholeNumber(env, "DF_RETRY_INTERVAL", 5) * 1000,
    servicePollingMs: pollingMs(env, "DF_SERVICE_POLLING_INTERVAL"),
    nodePollingMs: pollingMs(env, "DF_NODE_POLLING_INTERVAL"),
    serviceEvents: flag(env, "DF_USE_DOCKER_SERVICE_EVENTS", true),
    nodeEvents: flag(env, "DF_USE_DOCKER_NODE_EVENTS", true),
    includeNodeInfo: flag(env, "DF_INCLUDE_NODE_IP_INFO", false),
    nodeInfoWithAddress: flag(env, "DF_NODE_IP_INFO_INCLUDES_TASK_ADDRESS", true),
    namePrefix: env.DF_SERVICE_NAME_PREFIX ?? "",
    createImmediately: flag(env, "DF_NOTIFY_CREATE_SERVICE_IMMEDIATELY", false),
    port: portNumber(env, "PORT", 8080),
  };
}

const list = (text: string | undefined) => splitList(text ?? "", ",");

/** Methods belong to the URLs by position; the last one goes on. */
function parseUrls(name: string, urls: readonly string[], methods: readonly string[]): readonly NotifyUrl[] {
  return urls.map((text, i) => {
    const url = URL.parse(text);
    if (!url || !isHttp(url)) throw new DomainError("invalid-parameter", `${name}: ${text} is not an http URL`);
    return { url, method: methods[i] ?? methods.at(-1) ?? "GET" };
  });
}

function groupByHost(create: readonly NotifyUrl[], remove: readonly NotifyUrl[]): readonly Endpoint[] {
  const hosts = new Set([...create, ...remove].map(({ url }) => url.host));
  return [...hosts].map((host) => ({
    host,
    create: distinct(create.filter(({ url }) => url.host === host)),
    remove: distinct(remove.filter(({ url }) => url.host === host)),
  }));
}

const distinct = (urls: readonly NotifyUrl[]): readonly NotifyUrl[] =>
  urls.filter(({ url }, i) => urls.findIndex((other) => other.url.href === url.href) === i);

function wholeNumber(env: Environment, name: string, fallback: number): number {
  const text = env[name] ?? "";
  if (text === "") return fallback;
  if (/^-?\d{1,9}$/.test(text)) return Number(text);
  throw new DomainError("invalid-parameter", `${name}: ${text} is not a whole number`);
}

function portNumber(env: Environment, name: string, fallback: number): number {
  const port = wholeNumber(env, name, fallback);
  if (port > 0 && port < 65_536) return port;
  throw new DomainError("invalid-parameter", `${name}: ${port} is not a port`);
}

function pollingMs(env: Environment, name: string): number {
  const seconds = wholeNumber(env, name, -1);
  return seconds > 0 ? seconds * 1000 : comparisonMs;
}

/** Go's spellings; anything else is the default. */
const flag = (env: Environment, name: string, fallback: boolean): boolean =>
  parseGoBoolean(env[name] ?? "") ?? fallback;
