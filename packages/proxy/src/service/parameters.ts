import * as check from "./checks.ts";
import type { Kind } from "./kinds.ts";
import * as kind from "./kinds.ts";
import type { ReqMode } from "./service.ts";

/** A parameter of `reconfigure`; its name is its key in one of the two tables below. */
export interface Parameter<Value> {
  readonly kind: Kind<Value>;
  readonly about: string;
  /** What it is when not given, if that is not simply nothing. */
  readonly standard?: string;
  /** An older name; counts when the present one is not given. */
  readonly oldName?: string;
  /** Its name in the environment, where that is not its own in capitals. */
  readonly environmentName?: string;
}

const header = kind.list("Name value", check.checkHeader);
const headerName = kind.list("header", check.checkHeaderName);
const methods = kind.list("method", check.checkMethod);
const domains = kind.list("host", check.checkPattern);
const paths = kind.list("path", check.checkPattern);
const name = kind.line("name", check.checkName);
const word = kind.line("word", check.checkWord);
const text = kind.line("text");

const reqMode = kind.choice<ReqMode>({ http: "http", tcp: "tcp", sni: "sni" }, "http");

/** HAProxy no longer has the last two; what is nearest stands in for them. */
export const connectionModes = {
  "http-keep-alive": "http-keep-alive",
  "http-server-close": "http-server-close",
  httpclose: "httpclose",
  "http-tunnel": "http-keep-alive",
  forceclose: "httpclose",
} as const;

/** Of a service as a whole; their names are matched in any case (`docker-flow-proxy.md` section 1.4, table A). */
export const serviceParameters = {
  serviceName: { kind: name, about: "name of the service, and of its servers' host" },
  aclName: { kind: name, standard: "serviceName", about: "name in ACLs and backends, and for the order of rules" },
  addReqHeader: { kind: header, oldName: "addHeader", about: "headers added to requests" },
  setReqHeader: { kind: header, oldName: "setHeader", about: "headers set in requests" },
  delReqHeader: { kind: headerName, about: "headers taken from requests" },
  addResHeader: { kind: header, about: "headers added to responses" },
  setResHeader: { kind: header, about: "headers set in responses" },
  delResHeader: { kind: headerName, about: "headers taken from responses" },
  backendExtra: { kind: kind.line("line", check.checkBackendLine), about: "last line of each backend" },
  checkResolvers: { kind: kind.serviceFlag, about: "check servers, and resolve their names again" },
  compressionAlgo: { kind: kind.line("algorithm", check.checkCompressionAlgo), about: "compression of responses" },
  compressionType: { kind: kind.line("media types", check.checkCompressionType), about: "what is compressed" },
  connectionMode: { kind: kind.choice<string>(connectionModes, ""), about: "how connections are kept" },
  discoveryType: {
    kind: word,
    environmentName: "DISCOVERYTYPE",
    standard: "DISCOVERY_TYPE",
    about: "tasks, VIP or DNS: what requests are sent to",
  },
  distribute: { kind: kind.serviceFlag, about: "send the request to all replicas of the proxy" },
  isDefaultBackend: { kind: kind.serviceFlag, about: "takes what no rule takes" },
  proxyInstanceName: { kind: text, about: "the proxy that it is for" },
  redirectWhenHttpProto: { kind: kind.serviceFlag, about: "to https when X-Forwarded-Proto is http" },
  redirectUnlessHttpsProto: { kind: kind.serviceFlag, about: "to https unless X-Forwarded-Proto is https" },
  replicas: { kind: kind.replicas, standard: "a global service", about: "instances; 0 removes the service" },
  reqPathSearch: { kind: kind.exactLine, about: "deprecated: first expression of reqPathSearchReplace" },
  reqPathReplace: { kind: kind.exactLine, about: "deprecated: its replacement" },
  serviceCert: { kind: kind.certificate, about: "certificate and key" },
  serviceDomainAlgo: {
    kind: kind.line("fetch", check.checkFetch),
    standard: "SERVICE_DOMAIN_ALGO",
    about: "how hosts are compared",
  },
  serviceDomainMatchAll: { kind: kind.serviceFlag, about: "deprecated: serviceDomainAlgo=hdr_dom(host)" },
  sessionType: { kind: word, about: "sticky-server keeps a client at one task" },
  templateFePath: { kind: kind.templatePath, about: "template instead of the rules" },
  templateBePath: { kind: kind.templatePath, about: "template instead of the backends" },
  users: { kind: kind.userList, about: "who may use the service" },
  usersSecret: { kind: kind.line("name", check.checkSecretName), about: "secret dfp_users_<name> with users" },
  usersPassEncrypted: { kind: kind.serviceFlag, about: "passwords are crypt hashes" },
} satisfies Record<string, Parameter<unknown>>;

/** Of a destination: with a suffix `.1` to `.10`, or without (`docker-flow-proxy.md` section 1.4, table B; the last three are ours). */
export const destinationParameters = {
  port: { kind: kind.port, about: "port of the service" },
  httpsPort: { kind: kind.otherPort, about: "its port for requests that came by https" },
  srcPort: { kind: kind.otherPort, about: "port of the proxy; 80 if httpsPort is given" },
  srcHttpsPort: { kind: kind.otherPort, about: "the same for https; 443 if httpsPort is given" },
  reqMode: { kind: reqMode, standard: "http", about: "what is routed: requests or connections" },
  servicePath: { kind: paths, standard: "/ with serviceDomain", about: "paths; with sni the names clients ask for" },
  servicePathExclude: { kind: paths, about: "paths that do not belong to it" },
  pathType: { kind: kind.line("matcher", check.checkFetch), standard: "path_beg", about: "how paths are compared" },
  serviceDomain: { kind: domains, about: "hosts, with * in front for all below" },
  serviceHeader: { kind: kind.headerConditions, about: "headers that requests must have" },
  userAgent: { kind: kind.list("text"), about: "parts of User-Agent, one of which must occur" },
  allowedMethods: { kind: methods, about: "others are answered 403" },
  deniedMethods: { kind: methods, about: "are answered 403" },
  denyHttp: { kind: kind.flag, about: "answer 403 without TLS" },
  httpsOnly: { kind: kind.flag, standard: "HTTPS_ONLY", about: "redirect to https without TLS" },
  httpsRedirectCode: { kind: kind.line("code", check.checkRedirectCode), about: "status of redirects to https" },
  ignoreAuthorization: { kind: kind.flag, about: "no users are asked for" },
  outboundHostname: { kind: kind.line("host", check.checkHost), standard: "serviceName", about: "host of the servers" },
  redirectFromDomain: { kind: domains, about: "hosts redirected to the first serviceDomain" },
  reqPathSearchReplace: { kind: kind.rewrites, about: "rewrites of the path" },
  sslVerifyNone: { kind: kind.flag, about: "TLS to the servers, unverified" },
  timeoutServer: { kind: kind.seconds, standard: "TIMEOUT_SERVER", about: "wait for the server" },
  timeoutTunnel: { kind: kind.seconds, standard: "TIMEOUT_TUNNEL", about: "wait in upgraded connections" },
  timeoutClient: { kind: kind.seconds, standard: "TIMEOUT_CLIENT", about: "wait for the client, with tcp and sni" },
  checkTcp: { kind: kind.flag, about: "check servers, with tcp and sni" },
  clitcpka: { kind: kind.flag, about: "keep clients' connections alive, with tcp and sni" },
  serviceGroup: { kind: name, about: "tcp: services that share a port" },
  balanceGroup: { kind: kind.line("algorithm", check.checkBalance), about: "how the group is balanced" },
  verifyClientSsl: { kind: kind.flag, about: "answer 403 without a valid client certificate" },
  userDef: { kind: kind.exactLine, about: "for templates" },
  maxConn: { kind: kind.connections, about: "requests that one server works on at a time; others wait" },
  allowedSrc: { kind: kind.list("subnet", check.checkSubnet), about: "clients; others are answered 403" },
  deniedSrc: { kind: kind.list("subnet", check.checkSubnet), about: "clients that are answered 403" },
} satisfies Record<string, Parameter<unknown>>;

export type DestinationParameterName = keyof typeof destinationParameters;

type ValuesOf<Table> = {
  readonly [Name in keyof Table]: Table[Name] extends Parameter<infer Value> ? Value : never;
};
export type ServiceValues = ValuesOf<typeof serviceParameters>;
export type DestinationValues = ValuesOf<typeof destinationParameters>;
