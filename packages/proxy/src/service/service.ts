export type ReqMode = "http" | "tcp" | "sni";

/** How requests reach one port of a service: one index of the indexed parameters. */
export interface Destination {
  /** The suffix of its parameters, 1 to 10; 0 when they have none. Part of names in the config. */
  readonly index: number;
  /** Port of the service; empty when only `httpsPort` is given. */
  readonly port: string;
  readonly httpsPort: number;
  /** Port of the proxy that requests must arrive on; 0 for any. */
  readonly srcPort: number;
  readonly srcHttpsPort: number;
  readonly reqMode: ReqMode;
  readonly servicePath: readonly string[];
  readonly servicePathExclude: readonly string[];
  /** An HAProxy matcher (`path_beg`); in `sni` mode the whole fetch. */
  readonly pathType: string;
  readonly serviceDomain: readonly string[];
  /** Request headers that must match, by name. */
  readonly serviceHeader: Readonly<Record<string, string>>;
  /** Substrings of User-Agent. */
  readonly userAgent: readonly string[];
  readonly allowedMethods: readonly string[];
  readonly deniedMethods: readonly string[];
  readonly denyHttp: boolean;
  readonly httpsOnly: boolean;
  /** Empty: HAProxy's default. */
  readonly httpsRedirectCode: string;
  readonly ignoreAuthorization: boolean;
  readonly outboundHostname: string;
  readonly redirectFromDomain: readonly string[];
  /** In order; `search` is a regular expression. */
  readonly rewrites: readonly Rewrite[];
  readonly sslVerifyNone: boolean;
  /** Seconds, as given; empty for the default. */
  readonly timeoutServer: string;
  readonly timeoutClient: string;
  readonly timeoutTunnel: string;
  readonly checkTcp: boolean;
  readonly clitcpka: boolean;
  readonly serviceGroup: string;
  readonly balanceGroup: string;
  readonly verifyClientSsl: boolean;
  readonly userDef: string;
  /** Of our own, as the two after it: requests (connections with tcp) that one server works on at a time. Absent: no limit. */
  readonly maxConn?: number;
  /** Subnets; others are answered 403. Absent: from everywhere. */
  readonly allowedSrc?: readonly string[];
  /** Subnets that are answered 403. */
  readonly deniedSrc?: readonly string[];
}

export interface Rewrite {
  readonly search: string;
  readonly replace: string;
}

export interface User {
  readonly username: string;
  readonly password: string;
  /** The password is a crypt hash. */
  readonly encrypted: boolean;
}

/** What one `reconfigure` asks for; every way in (HTTP, labels, environment) leads to this. */
export interface ProxyService {
  readonly serviceName: string;
  /** The name in ACLs and backends, and for the order of rules; as given, so empty for `serviceName`. */
  readonly aclName: string;
  readonly addReqHeader: readonly string[];
  readonly setReqHeader: readonly string[];
  readonly delReqHeader: readonly string[];
  readonly addResHeader: readonly string[];
  readonly setResHeader: readonly string[];
  readonly delResHeader: readonly string[];
  readonly backendExtra: string;
  readonly checkResolvers: boolean;
  readonly compressionAlgo: string;
  readonly compressionType: string;
  readonly connectionMode: string;
  /** `VIP`: the virtual IP balances connections. `DNS`: `server-template`. Else: task addresses, each request to the next. */
  readonly discoveryType: string;
  readonly distribute: boolean;
  readonly isDefaultBackend: boolean;
  readonly proxyInstanceName: string;
  readonly redirectWhenHttpProto: boolean;
  readonly redirectUnlessHttpsProto: boolean;
  /** Undefined: the service is global. 0: it has no instances, so no route. */
  readonly replicas: number | undefined;
  /** The deprecated pair, as given; also the first of each destination's `rewrites`. */
  readonly reqPathSearch: string;
  readonly reqPathReplace: string;
  /** PEM, with real line ends. */
  readonly serviceCert: string;
  /** An HAProxy fetch such as `hdr(host)`; empty for the default. */
  readonly serviceDomainAlgo: string;
  readonly sessionType: string;
  readonly templateFePath: string;
  readonly templateBePath: string;
  /** Undefined: no authentication of its own. Empty: asked for, but nobody is known, so nobody gets in. */
  readonly users: readonly User[] | undefined;
  readonly destinations: readonly Destination[];
}

/** The name in the config. */
export const aclNameOf = ({ aclName, serviceName }: ProxyService): string => aclName || serviceName;
