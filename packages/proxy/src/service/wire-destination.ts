import { formatRewrites } from "./rewrites.ts";
import { aclNameOf, type Destination, type ProxyService, type User } from "./service.ts";

/** What is shown instead of a secret text. */
export type Redaction = (text: string) => string;

/** `2016`: the first destination's names have no suffix. `2019`: they end in `_0`. */
export type NameStyle = "2016" | "2019";

export const wireUsers = (users: readonly User[] | undefined, secret: Redaction) =>
  users?.map(({ username, password, encrypted }) => ({
    Username: username,
    Password: secret(password),
    PassEncrypted: encrypted,
  })) ?? null;

/** The fields of an element of `ServiceDest`, in their order; a destination that nothing identifies has only a mode. */
export function wireDestination(destination: Destination, service: ProxyService, nameStyle: NameStyle) {
  const isBare = isUnidentified(destination);
  const list = (values: readonly string[]) => (isBare ? null : values);
  return {
    AllowedMethods: list(destination.allowedMethods),
    BalanceGroup: destination.balanceGroup,
    CheckTCP: destination.checkTcp,
    Clitcpka: destination.clitcpka,
    DeniedMethods: list(destination.deniedMethods),
    DenyHttp: destination.denyHttp,
    HttpsOnly: destination.httpsOnly,
    HttpsPort: destination.httpsPort,
    HttpsRedirectCode: destination.httpsRedirectCode,
    IgnoreAuthorization: destination.ignoreAuthorization,
    OutboundHostname: destination.outboundHostname,
    PathType: isBare ? "" : destination.pathType,
    Port: destination.port,
    RedirectFromDomain: list(destination.redirectFromDomain),
    ReqMode: destination.reqMode,
    ReqModeFormatted: isBare ? "" : destination.reqMode === "sni" ? "tcp" : destination.reqMode,
    ReqPathSearchReplace: formatRewrites(ownRewrites(destination, service)),
    ServiceDomain: list(destination.serviceDomain),
    ServiceGroup: destination.serviceGroup,
    ServiceHeader: isBare ? null : sortedByName(destination.serviceHeader),
    ServicePath: list(destination.servicePath),
    ServicePathExclude: list(destination.servicePathExclude),
    ...sourcePorts(destination, aclNameOf(service), nameStyle),
    SslVerifyNone: destination.sslVerifyNone,
    TimeoutServer: destination.timeoutServer,
    TimeoutClient: destination.timeoutClient,
    TimeoutTunnel: destination.timeoutTunnel,
    VerifyClientSsl: destination.verifyClientSsl,
    UserAgent: userAgent(destination.userAgent),
    UserDef: destination.userDef,
    Index: destination.index,
    ReqPathSearchReplaceFormatted: isBare ? null : destination.rewrites.map((rewrite) => formatRewrites([rewrite])),
    ...includedPorts(destination),
  };
}

const isUnidentified = ({ port, httpsPort, servicePath, serviceDomain }: Destination) =>
  port === "" && httpsPort === 0 && servicePath.length === 0 && serviceDomain.length === 0;

/** The deprecated pair is the first of the rewrites, but not part of the parameter. */
const ownRewrites = ({ rewrites }: Destination, { reqPathSearch }: ProxyService) =>
  reqPathSearch === "" ? rewrites : rewrites.slice(1);

/** Go sorts the keys of maps. */
const sortedByName = (header: Readonly<Record<string, string>>) =>
  Object.fromEntries(Object.entries(header).sort(([a], [b]) => (a < b ? -1 : 1)));

const userAgent = (values: readonly string[]) => ({
  Value: values.length === 0 ? null : values,
  AclName: values.join("_").replace(/[^A-Za-z0-9]+/g, "_"),
});

/** The ports that the generator makes conditions of: with `httpsPort`, 80 and 443 unless given. */
const effectivePorts = ({ srcPort, srcHttpsPort, httpsPort }: Destination) => ({
  source: srcPort || (httpsPort > 0 ? 80 : 0),
  httpsSource: srcHttpsPort || (httpsPort > 0 ? 443 : 0),
});

function sourcePorts(destination: Destination, aclName: string, nameStyle: NameStyle) {
  const { source, httpsSource } = effectivePorts(destination);
  const suffix = destination.index === 0 && nameStyle === "2016" ? "" : `_${destination.index}`;
  const name = (acl: string, port: number) => (port > 0 ? `${acl}_${aclName}${port}${suffix}` : "");
  const rule = (acl: string, port: number) => (port > 0 ? `acl ${name(acl, port)} dst_port ${port}` : "");
  const condition = (acl: string, port: number) => (port > 0 ? ` ${name(acl, port)}` : "");
  return {
    SrcPort: source,
    SrcHttpsPort: httpsSource,
    SrcPortAcl: rule("srcPort", source),
    SrcPortAclName: condition("srcPort", source),
    SrcHttpsPortAcl: rule("srcHttpsPort", httpsSource),
    SrcHttpsPortAclName: condition("srcHttpsPort", httpsSource),
  };
}

function includedPorts(destination: Destination) {
  const { source, httpsSource } = effectivePorts(destination);
  const { port, servicePathExclude, httpsPort } = destination;
  return {
    IncludeSrcPortACL: source > 0 && (port !== "" || servicePathExclude.length > 0),
    IncludeSrcHttpsPortACL: httpsSource > 0 && httpsPort > 0,
  };
}
