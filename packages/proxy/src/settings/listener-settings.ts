import { checkUrl } from "./addresses.ts";
import type { Variables } from "./variables.ts";

/** The swarm listener: what it watches and whom it notifies (`docker-flow-proxy.md` section 3.2). */
export interface ListenerSettings {
  /** `DF_DOCKER_HOST` */
  readonly dockerHost: string;
  /** `DF_NOTIFY_LABEL`: services with it are visible. */
  readonly notifyLabel: NotifyLabel;
  readonly createService: readonly NotifyTarget[];
  readonly removeService: readonly NotifyTarget[];
  readonly createNode: readonly NotifyTarget[];
  readonly removeNode: readonly NotifyTarget[];
  /** `DF_RETRY`: how often a notification is tried again. */
  readonly retries: number;
  /** `DF_RETRY_INTERVAL` */
  readonly retryIntervalSeconds: number;
  /** `DF_SERVICE_POLLING_INTERVAL`; undefined for no polling. */
  readonly servicePollingSeconds: number | undefined;
  /** `DF_NODE_POLLING_INTERVAL`; undefined for no polling. */
  readonly nodePollingSeconds: number | undefined;
  /** `DF_USE_DOCKER_SERVICE_EVENTS` */
  readonly serviceEvents: boolean;
  /** `DF_USE_DOCKER_NODE_EVENTS` */
  readonly nodeEvents: boolean;
  /** `DF_INCLUDE_NODE_IP_INFO` */
  readonly nodeInfo: boolean;
  /** `DF_NODE_IP_INFO_INCLUDES_TASK_ADDRESS` */
  readonly nodeInfoHasTaskAddress: boolean;
  /** `DF_SERVICE_NAME_PREFIX`, empty for none. */
  readonly namePrefix: string;
  /** `DF_NOTIFY_CREATE_SERVICE_IMMEDIATELY` */
  readonly notifyImmediately: boolean;
}

export interface NotifyLabel {
  readonly name: string;
  /** `true` in any case unless the variable says `name=value`. */
  readonly value: string;
}

export interface NotifyTarget {
  readonly url: string;
  /** `GET`, or what the variable says. */
  readonly method: string;
}

/** Throws SettingsError. */
export function readListener(variables: Variables): ListenerSettings {
  return {
    dockerHost: variables.text("DF_DOCKER_HOST", "unix:///var/run/docker.sock"),
    notifyLabel: notifyLabelOf(variables.text("DF_NOTIFY_LABEL", "com.df.notify")),
    createService: serviceTargets(variables, "CREATE"),
    removeService: serviceTargets(variables, "REMOVE"),
    createNode: nodeTargets(variables, "CREATE"),
    removeNode: nodeTargets(variables, "REMOVE"),
    retries: variables.integer("DF_RETRY", 50, { min: 0, max: 1_000_000 }),
    retryIntervalSeconds: variables.integer("DF_RETRY_INTERVAL", 5, { min: 0, max: 86_400 }),
    servicePollingSeconds: pollingSeconds(variables, "DF_SERVICE_POLLING_INTERVAL"),
    nodePollingSeconds: pollingSeconds(variables, "DF_NODE_POLLING_INTERVAL"),
    serviceEvents: variables.flag("DF_USE_DOCKER_SERVICE_EVENTS", true),
    nodeEvents: variables.flag("DF_USE_DOCKER_NODE_EVENTS", true),
    nodeInfo: variables.flag("DF_INCLUDE_NODE_IP_INFO", false),
    nodeInfoHasTaskAddress: variables.flag("DF_NODE_IP_INFO_INCLUDES_TASK_ADDRESS", true),
    namePrefix: variables.matching("DF_SERVICE_NAME_PREFIX", /^[\w.:-]*$/, "letters, digits and _ . : -"),
    notifyImmediately: variables.flag("DF_NOTIFY_CREATE_SERVICE_IMMEDIATELY", false),
  };
}

export function notifyLabelOf(text: string): NotifyLabel {
  const [name = "", ...value] = text.split("=");
  return { name, value: value.join("=") || "true" };
}

function pollingSeconds(variables: Variables, name: string): number | undefined {
  const seconds = variables.integer(name, -1, { min: -1_000_000, max: 1_000_000 });
  return seconds > 0 ? seconds : undefined;
}

/** The oldest name of a variable wins, as it did in the listener; the secret's URLs are added. */
function serviceTargets(variables: Variables, kind: "CREATE" | "REMOVE"): NotifyTarget[] {
  const current = `DF_NOTIFY_${kind}_SERVICE_URL`;
  const names = [`DF_NOTIF_${kind}_SERVICE_URL`, current, "DF_NOTIFICATION_URL"];
  const given = names.find((name) => variables.list(name).length > 0) ?? current;
  const methods = variables.list(`DF_NOTIFY_${kind}_SERVICE_METHOD`, "GET");
  for (const method of methods) {
    if (!/^[A-Za-z]+$/.test(method)) {
      variables.refuse(`DF_NOTIFY_${kind}_SERVICE_METHOD`, method, "HTTP methods, separated by commas");
    }
  }
  return urlsOf(variables, given, current).map((url, i) => ({
    url,
    method: (methods[i] ?? methods.at(-1) ?? "GET").toUpperCase(),
  }));
}

function nodeTargets(variables: Variables, kind: "CREATE" | "REMOVE"): NotifyTarget[] {
  const name = `DF_NOTIFY_${kind}_NODE_URL`;
  return urlsOf(variables, name, name).map((url) => ({ url, method: "GET" }));
}

function urlsOf(variables: Variables, name: string, secretOf: string): string[] {
  const secret = variables.secret(secretOf.toLowerCase()) ?? "";
  const added = secret.split(",").map((url) => url.trim());
  return [...variables.list(name), ...added.filter((url) => url !== "")].map((url) => checkUrl(variables, name, url));
}
