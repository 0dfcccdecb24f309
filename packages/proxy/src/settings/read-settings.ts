import { posix } from "node:path";
import * as check from "../service/checks.ts";
import { usersWithPassword } from "../service/users.ts";
import { readAddress, readApiNetworks, readListenerAddresses } from "./addresses.ts";
import { freezeDeep } from "./freeze.ts";
import { readDefaults, readFrontend, readGlobal, readLog, readStatistics, readTls } from "./read-haproxy.ts";
import type {
  ControlSettings,
  InstanceSettings,
  PathSettings,
  ReloadSettings,
  ServiceSettings,
  Settings,
} from "./settings.ts";
import { type ReadSecret, Variables } from "./variables.ts";

/** Reads and checks everything at once. Defaults are those of the published image. Throws SettingsError. */
export function readSettings(env: Readonly<Record<string, string | undefined>>, readSecret: ReadSecret): Settings {
  const variables = new Variables(env, readSecret);
  return freezeDeep({
    control: readControl(variables),
    instance: readInstance(variables),
    services: readServices(variables),
    frontend: readFrontend(variables),
    global: readGlobal(variables),
    defaults: readDefaults(variables),
    tls: readTls(variables),
    log: readLog(variables),
    statistics: readStatistics(variables),
    users: readUsers(variables),
    reload: readReload(variables),
    paths: readPaths(variables),
  });
}

const readControl = (variables: Variables): ControlSettings => ({
  address: readAddress(variables, "IP", "0.0.0.0"),
  port: variables.port("PORT", 8080),
  token: readToken(variables),
  networks: readApiNetworks(variables),
  redact: variables.flag("REDACT", true),
  mode: variables.text("MODE", "default"),
  healthCheck: variables.flag("HEALTHCHECK", true),
});

/** As a header can carry it. */
function readToken(variables: Variables): string | undefined {
  const token = variables.raw("API_TOKEN")?.trim() ?? "";
  if (token === "") return undefined;
  return /^[\u0021-\u007e]{1,1024}$/.test(token)
    ? token
    : variables.refuse("API_TOKEN", undefined, "printable ASCII without blanks, at most 1024 characters");
}

const readInstance = (variables: Variables): InstanceSettings => ({
  serviceName: variables.matching("SERVICE_NAME", /^[\w.-]+$/, "the name of a service", "proxy"),
  name: variables.text("PROXY_INSTANCE_NAME", "docker-flow"),
  onlyOwnServices: variables.flag("FILTER_PROXY_INSTANCE_NAME", false),
  listeners: readListenerAddresses(variables),
  lookupPauseMs: variables.integer("DNS_LOOKUP_PAUSE_MS", 0, { min: 0, max: 3_600_000 }),
});

const readServices = (variables: Variables): ServiceSettings => ({
  separator: readSeparator(variables),
  domainAlgo: variables.checked("SERVICE_DOMAIN_ALGO", check.checkFetch, "hdr_beg(host)"),
  httpsOnly: variables.flag("HTTPS_ONLY", false),
  checkResolvers: variables.flag("CHECK_RESOLVERS", false),
  environmentReqMode: variables.choice("DEFAULT_PROTOCOL", ["http", "tcp", "sni"], "http"),
  discoveryType: variables.choice("DISCOVERY_TYPE", ["tasks", "VIP", "DNS"], "tasks"),
  nameStyle: variables.choice("NAME_STYLE", ["2016", "2019"], "2016"),
  skipAddressValidation: variables.flag("SKIP_ADDRESS_VALIDATION", true),
  templateFolders: variables
    .list("TEMPLATE_FOLDERS")
    .map((folder) =>
      folder.startsWith("/")
        ? posix.normalize(folder)
        : variables.refuse("TEMPLATE_FOLDERS", folder, "absolute paths, separated by commas"),
    ),
});

/** A blank may be one, so it is not trimmed. */
function readSeparator(variables: Variables): string {
  const separator = variables.raw("SEPARATOR") ?? ",";
  return /^[^\w\p{Cc}]+$/u.test(separator)
    ? separator
    : variables.refuse("SEPARATOR", separator, "characters other than letters, digits and control characters");
}

function readUsers(variables: Variables): Settings["users"] {
  const text = variables.raw("USERS")?.trim() ?? "";
  return text === "" ? undefined : usersWithPassword(text, variables.flag("USERS_PASS_ENCRYPTED", false));
}

const readReload = (variables: Variables): ReloadSettings => ({
  reconfigureAttempts: variables.integer("RECONFIGURE_ATTEMPTS", 20, { min: 0, max: 100_000 }),
  fetchAttempts: variables.integer("RELOAD_ATTEMPTS", 5, { min: 0, max: 100_000 }),
  fetchIntervalMs: variables.integer("RELOAD_INTERVAL", 5000, { min: 1, max: 86_400_000 }),
  repeatFetch: variables.flag("REPEAT_RELOAD", false),
  terminate: variables.flag("TERMINATE_ON_RELOAD", false),
  showConfigOnError: variables.flag("DISPLAY_CONFIG_ON_ERROR", false),
});

function readPaths(variables: Variables): PathSettings {
  const configs = variables.path("CONFIGS_PATH", "/cfg");
  const templates = variables.path("TEMPLATES_PATH", posix.join(configs, "tmpl"));
  return {
    configs,
    templates,
    baseTemplate: posix.resolve(templates, variables.text("CFG_TEMPLATE_PATH", "haproxy.tmpl")),
    certificates: variables.path("CERTS_PATH", "/certs"),
    secrets: variables.path("SECRETS_PATH", "/run/secrets"),
    errorFiles: variables.path("ERRORFILES_PATH", "/errorfiles"),
    run: variables.path("RUN_PATH", "/var/run"),
  };
}
