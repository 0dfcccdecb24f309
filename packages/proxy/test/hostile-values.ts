import { destinationParameters, serviceParameters } from "../src/service/parameters.ts";

/** Each tries to leave its place in haproxy.cfg, or to be more than a config can hold. */
export const hostileValues: readonly string[] = [
  'a"b',
  "it's",
  "x\n    server evil 192.0.2.1:80",
  "x\r\nbackend evil",
  "x\0y",
  "ünï❤\u2028\u202e",
  "a # b",
  // biome-ignore lint/suspicious/noTemplateCurlyInString: it is HAProxy that would fill it in
  "$HOME ${HOME} $(id) `id`",
  "%[src] %[env(HOME)] %{+Q}o %",
  "use_backend evil if TRUE",
  "-f /etc/passwd",
  "{ src 0.0.0.0/0 } || { always_true }",
  "\\",
  "../../etc/passwd",
  "(*a+)+$[",
  "-1",
  "99999999999999999999",
  "x".repeat(100_000),
];

export const parameterNames: readonly string[] = [
  ...Object.keys(serviceParameters),
  ...Object.keys(destinationParameters),
];

/** By shape a few of each kind of shared/reference/corpora/proxy-control.txt: queries that are never right. */
export const refusedQueries: readonly string[] = [
  "serviceName=&servicePath=/x&port=8080",
  "serviceName=bad",
  "serviceName=bad&servicePath=/x",
  "serviceName=bad&servicePath=/x&port=0",
  "serviceName=bad&servicePath=/x&port=65536",
  "serviceName=bad&servicePath=/x&port=80%0a%20%20server%20evil%20192.0.2.1:80",
  "serviceName=bad%0abackend%20evil&servicePath=/x&port=8080",
  "serviceName=bad&servicePath=/x%00y&port=8080",
  "serviceName=%25s%25n&servicePath=/x&port=8080",
  "serviceName=bad&servicePath=/x&port=8080&templateFePath=/etc/shadow&templateBePath=/etc/shadow",
];

const sections = /^(global|resolvers docker|defaults|(frontend|backend|userlist) [\w.:-]+)$/;
const directives = new Set(
  (
    "accepted_payload_size acl balance bind capture compression cookie daemon default-server default_backend errorfile filter " +
    "hard-stop-after hold http-request http-response http-reuse httpclient.ssl.verify load-server-state-from-file log maxconn mode " +
    "monitor-uri mworker-max-reloads nameserver option pidfile redirect resolve_retries retries retry-on server server-state-file " +
    "server-template setenv spread-checks ssl-default-bind-ciphers ssl-default-bind-options ssl-default-server-ciphers " +
    "ssl-default-server-options stats tcp-request timeout tune.ssl.default-dh-param use_backend user"
  ).split(" "),
);

/** Lines that a config of built-in rules never has: sections and keywords of no kind that we render, and servers elsewhere. */
export function foreignLines(config: string): string[] {
  return config.split("\n").filter((line) => {
    const text = line.trim();
    if (text === "" || text.startsWith("#")) return false;
    if (!/^\s/.test(line)) return !sections.test(line) || /\bevil\b/.test(line);
    return !directives.has(text.split(/\s/)[0] ?? "") || /^(server|use_backend) evil\b/.test(text);
  });
}
