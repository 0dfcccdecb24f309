import { goJson } from "./go-json.ts";
import { nothingGiven } from "./parse-service.ts";
import type { ProxyService } from "./service.ts";
import { type NameStyle, type Redaction, wireDestination, wireUsers } from "./wire-destination.ts";

export interface WireOptions {
  /** Passwords and keys are replaced by stars. */
  readonly redact?: boolean;
  /** `MODE`, which older versions answered with. */
  readonly mode?: string;
  /** Of ACLs; `2016` unless given. */
  readonly nameStyle?: NameStyle;
}

/** What an answer is about: a service, or of one not understood its name. */
export type Subject = ProxyService | { readonly serviceName: string; readonly distribute?: boolean };

type Fields = Readonly<Record<string, unknown>>;

/**
 * The answer to a call of the control API: the latest fields in their order, then those of older versions
 * (`docker-flow-proxy.md` sections 1.2 and 1.3). `OK` only for status 200.
 */
export function answerOf(status: number, message: string, subject?: Subject, options: WireOptions = {}): Fields {
  const serviceName = subject?.serviceName ?? "";
  const service = subject !== undefined && "destinations" in subject ? subject : undefined;
  const fields = service ? serviceFields(service, options) : { ...emptyFields, Distribute: distributeOf(subject) };
  return {
    Status: status === 200 ? "OK" : "NOK",
    Message: message,
    ServiceName: serviceName,
    ...fields,
    ...olderFields(serviceName, service, options),
  };
}

const distributeOf = (subject: Subject | undefined) => subject?.distribute ?? false;

/** `answerOf` as text. */
export const answerText = (...answer: Parameters<typeof answerOf>): string => goJson(answerOf(...answer));

/** The fields of a service as `config?type=json` has them: its name after `ServiceDomainAlgo`, nothing from older versions. */
export function serviceJson(service: ProxyService, options: WireOptions = {}): Fields {
  const fields = Object.entries(serviceFields(service, options));
  const at = fields.findIndex(([name]) => name === "ServiceDomainAlgo") + 1;
  return Object.fromEntries([...fields.slice(0, at), ["ServiceName", service.serviceName], ...fields.slice(at)]);
}

/** A list that was not given is null, as in Go. */
const orNull = (list: readonly string[]) => (list.length === 0 ? null : list);

function serviceFields(service: ProxyService, { redact = false, nameStyle = "2016" }: WireOptions): Fields {
  const secret: Redaction = (text) => (redact && text !== "" ? "*****" : text);
  return {
    AclName: service.aclName,
    AddReqHeader: orNull(service.addReqHeader),
    AddResHeader: orNull(service.addResHeader),
    BackendExtra: service.backendExtra,
    CheckResolvers: service.checkResolvers,
    CompressionAlgo: service.compressionAlgo,
    CompressionType: service.compressionType,
    ConnectionMode: service.connectionMode,
    Debug: false,
    DebugFormat: "",
    DelReqHeader: orNull(service.delReqHeader),
    DelResHeader: orNull(service.delResHeader),
    DiscoveryType: service.discoveryType,
    Distribute: service.distribute,
    IsDefaultBackend: service.isDefaultBackend,
    ProxyInstanceName: service.proxyInstanceName,
    RedirectWhenHttpProto: service.redirectWhenHttpProto,
    RedirectUnlessHttpsProto: service.redirectUnlessHttpsProto,
    Replicas: service.replicas ?? 0,
    ReqPathReplace: service.reqPathReplace,
    ReqPathSearch: service.reqPathSearch,
    ServiceCert: secret(service.serviceCert),
    ServiceDomainAlgo: service.serviceDomainAlgo,
    SessionType: service.sessionType,
    SetReqHeader: orNull(service.setReqHeader),
    SetResHeader: orNull(service.setResHeader),
    TemplateBePath: service.templateBePath,
    TemplateFePath: service.templateFePath,
    UseGlobalUsers: false,
    Users: wireUsers(service.users, secret),
    ServicePort: "",
    AclCondition: "",
    IsGlobal: service.replicas === undefined,
    LookupRetry: 0,
    LookupRetryInterval: 0,
    ServiceDest: service.destinations.map((destination) => wireDestination(destination, service, nameStyle)),
    Tasks: null,
  };
}

/** What Go gives a field that nothing was put into. */
function zero(value: unknown): unknown {
  if (typeof value === "string") return "";
  if (typeof value === "number") return 0;
  return typeof value === "boolean" ? false : null;
}

/** Of an answer that is about no service. */
const emptyFields: Fields = Object.fromEntries(
  Object.entries(serviceFields(nothingGiven, {})).map(([name, value]) => [name, zero(value)]),
);

/** Names of 2016 and early 2017, with the values of the first destination; what Consul needed is empty. */
function olderFields(serviceName: string, service: ProxyService | undefined, { mode = "" }: WireOptions): Fields {
  const first = service?.destinations[0];
  return {
    Mode: mode,
    ServiceColor: "",
    ServicePath: orNull(first?.servicePath ?? []),
    ServiceDomain: orNull(first?.serviceDomain ?? []),
    ConsulTemplateFePath: "",
    ConsulTemplateBePath: "",
    PathType: first?.pathType ?? "",
    SkipCheck: false,
    Port: first?.port ?? "",
    OutboundHostname: first?.outboundHostname ?? "",
    HttpsOnly: first?.httpsOnly ?? false,
    HttpsPort: first?.httpsPort ?? 0,
    ReqMode: first?.reqMode ?? "",
    ReqRepReplace: "",
    ReqRepSearch: "",
    TimeoutServer: first?.timeoutServer ?? "",
    TimeoutTunnel: first?.timeoutTunnel ?? "",
    FullServiceName: serviceName,
    Host: first?.outboundHostname || serviceName,
  };
}
