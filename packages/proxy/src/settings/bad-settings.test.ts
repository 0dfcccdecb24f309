import { expect, test } from "vitest";
import { readSettings } from "./read-settings.ts";
import { SettingsError } from "./variables.ts";

/** The message with which these variables are refused. */
function refusal(env: Record<string, string>): string {
  try {
    readSettings(env, () => undefined);
    return "accepted";
  } catch (error) {
    if (error instanceof SettingsError) return error.message;
    throw error;
  }
}

test.each([
  ["PORT", "http", 'PORT is "http", but must be a whole number from 1 to 65535'],
  ["PORT", "70000", 'PORT is "70000", but must be a whole number from 1 to 65535'],
  ["IP", "proxy", 'IP is "proxy", but must be an IP address'],
  ["HTTPS_ONLY", "maybe", 'HTTPS_ONLY is "maybe", but must be true or false'],
  ["SEPARATOR", "a", 'SEPARATOR is "a", but must be characters other than letters, digits and control characters'],
  ["TIMEOUT_CLIENT", "20s", 'TIMEOUT_CLIENT is "20s", but must be a whole number from 0 to 2147483'],
  ["RELOAD_INTERVAL", "often", 'RELOAD_INTERVAL is "often", but must be a whole number from 1 to 86400000'],
  ["NAME_STYLE", "2017", 'NAME_STYLE is "2017", but must be one of 2016, 2019'],
  ["DISCOVERY_TYPE", "overlay", 'DISCOVERY_TYPE is "overlay", but must be one of tasks, VIP, DNS'],
  ["DEFAULT_REQ_MODE", "sni", 'DEFAULT_REQ_MODE is "sni", but must be one of http, tcp'],
  [
    "CONNECTION_MODE",
    "httpchk",
    'CONNECTION_MODE is "httpchk", but must be one of http-keep-alive, http-server-close, httpclose, http-tunnel, forceclose',
  ],
  ["COMPRESSION_ALGO", "br", 'COMPRESSION_ALGO is "br", but must be identity, gzip, deflate or raw-deflate'],
  [
    "SERVICE_DOMAIN_ALGO",
    "hdr host",
    'SERVICE_DOMAIN_ALGO is "hdr host", but must be a matcher of HAProxy such as path_beg or hdr(host)',
  ],
  [
    "DEFAULT_PORTS",
    "80,https:ssl",
    'DEFAULT_PORTS is "https:ssl", but must be ports with what else their bind line holds (80, 443:ssl, 443 accept-proxy:ssl), separated by commas',
  ],
  [
    "BIND_PORTS",
    "1-2-3",
    'BIND_PORTS is "1-2-3", but must be ports with what else their bind line holds (80, 443:ssl, 443 accept-proxy:ssl), separated by commas',
  ],
  ["ACCEPT_PROXY_PORTS", "0", 'ACCEPT_PROXY_PORTS is "0", but must be ports, separated by commas'],
  [
    "CAPTURE_REQUEST_HEADER",
    "Host",
    'CAPTURE_REQUEST_HEADER is "Host", but must be headers with a length (Host:64), separated by commas',
  ],
  [
    "TRUSTED_PROXIES",
    "10.0.0.0/40",
    'TRUSTED_PROXIES is "10.0.0.0/40", but must be subnets such as 10.0.0.0/8, separated by commas',
  ],
  [
    "API_NETWORKS",
    "10.0.0.0/40",
    'API_NETWORKS is "10.0.0.0/40", but must be subnets (10.0.0.0/8) or interfaces (eth0), separated by commas',
  ],
  [
    "HSTS",
    'max-age=1" evil',
    'HSTS is "max-age=1\\" evil", but must be true, false, seconds or a value such as max-age=31536000; includeSubDomains',
  ],
  ["CONFIGS_PATH", "cfg", 'CONFIGS_PATH is "cfg", but must be an absolute path without blanks'],
  ["TEMPLATE_FOLDERS", "tmpl", 'TEMPLATE_FOLDERS is "tmpl", but must be absolute paths, separated by commas'],
  ["LISTENER_ADDRESS", "a b", 'LISTENER_ADDRESS is "a b", but must be host names, with a port or not'],
  ["SERVICE_NAME", "a/b", 'SERVICE_NAME is "a/b", but must be the name of a service'],
  ["EXTRA_FRONTEND", "a\0b", "EXTRA_FRONTEND must be lines without control characters"],
  ["PROXY_INSTANCE_NAME", "a\nb", "PROXY_INSTANCE_NAME must be one line without control characters"],
])("refuses %s=%s", (name, value, message) => {
  expect(refusal({ [name]: value })).toBe(message);
});

test("a token that cannot be used is not shown", () => {
  expect(refusal({ API_TOKEN: "s3 cret" })).toBe(
    "API_TOKEN must be printable ASCII without blanks, at most 1024 characters",
  );
});
