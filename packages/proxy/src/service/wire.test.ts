import { expect, test } from "vitest";
import { goJson } from "./go-json.ts";
import { defaultParseContext } from "./parse-context.ts";
import { parseService } from "./parse-service.ts";
import { answerOf, answerText, serviceJson } from "./wire.ts";

const parse = (query: string) => parseService(new URLSearchParams(query), defaultParseContext);
const goDemo = parse("serviceName=go-demo&servicePath=/demo&port=8080");

const serviceFields = [
  ..."AclName AddReqHeader AddResHeader BackendExtra CheckResolvers CompressionAlgo CompressionType".split(" "),
  ..."ConnectionMode Debug DebugFormat DelReqHeader DelResHeader DiscoveryType Distribute IsDefaultBackend".split(" "),
  ..."ProxyInstanceName RedirectWhenHttpProto RedirectUnlessHttpsProto Replicas ReqPathReplace".split(" "),
  ..."ReqPathSearch ServiceCert ServiceDomainAlgo SessionType SetReqHeader SetResHeader TemplateBePath".split(" "),
  ..."TemplateFePath UseGlobalUsers Users ServicePort AclCondition IsGlobal LookupRetry".split(" "),
  ..."LookupRetryInterval ServiceDest Tasks".split(" "),
];

const olderFields = [
  ..."Mode ServiceColor ServicePath ServiceDomain ConsulTemplateFePath ConsulTemplateBePath PathType".split(" "),
  ..."SkipCheck Port OutboundHostname HttpsOnly HttpsPort ReqMode ReqRepReplace ReqRepSearch".split(" "),
  ..."TimeoutServer TimeoutTunnel FullServiceName Host".split(" "),
];

test("an answer has the latest fields in their order, then those of older versions", () => {
  const names = ["Status", "Message", "ServiceName", ...serviceFields, ...olderFields];
  expect(Object.keys(answerOf(200, "", goDemo))).toEqual(names);
  expect(Object.keys(answerOf(400, "no", { serviceName: "s" }))).toEqual(names);
});

test("the classical request is answered as the original answers it", () => {
  expect(answerOf(200, "", goDemo)).toMatchObject({
    Status: "OK",
    Message: "",
    ServiceName: "go-demo",
    AclName: "",
    AddReqHeader: null,
    Distribute: false,
    IsGlobal: true,
    Replicas: 0,
    Users: null,
    Tasks: null,
    ServiceDest: [
      {
        Port: "8080",
        ServicePath: ["/demo"],
        ServiceDomain: [],
        PathType: "path_beg",
        ReqMode: "http",
        ReqModeFormatted: "http",
        SrcPort: 0,
        HttpsPort: 0,
        Index: 0,
        ServiceHeader: {},
        UserAgent: { Value: null, AclName: "" },
        ReqPathSearchReplaceFormatted: [],
      },
    ],
  });
});

test("a destination has its fields in their order", () => {
  const [destination] = serviceJson(goDemo).ServiceDest as [object];
  expect(Object.keys(destination).join(" ")).toBe(
    "AllowedMethods BalanceGroup CheckTCP Clitcpka DeniedMethods DenyHttp HttpsOnly HttpsPort HttpsRedirectCode " +
      "IgnoreAuthorization OutboundHostname PathType Port RedirectFromDomain ReqMode ReqModeFormatted " +
      "ReqPathSearchReplace ServiceDomain ServiceGroup ServiceHeader ServicePath ServicePathExclude SrcPort " +
      "SrcHttpsPort SrcPortAcl SrcPortAclName SrcHttpsPortAcl SrcHttpsPortAclName SslVerifyNone TimeoutServer " +
      "TimeoutClient TimeoutTunnel VerifyClientSsl UserAgent UserDef Index ReqPathSearchReplaceFormatted " +
      "IncludeSrcPortACL IncludeSrcHttpsPortACL",
  );
});

test("an answer about no service has every field, empty", () => {
  const answer = answerOf(200, "Test v1");
  expect(answer).toMatchObject({
    Status: "OK",
    Message: "Test v1",
    ServiceName: "",
    ServiceDest: null,
    IsGlobal: false,
  });
  const { Status: _, Message: __, ...others } = answer;
  expect(Object.values(others).filter((value) => value)).toEqual([]);
});

test("an answer about a service of which only the name is known has the name", () => {
  expect(answerOf(200, "Distributed to all instances", { serviceName: "s", distribute: true })).toMatchObject({
    ServiceName: "s",
    Distribute: true,
    ServiceDest: null,
    FullServiceName: "s",
  });
});

test("every status but 200 is NOK", () => {
  expect([200, 400, 409, 500].map((status) => answerOf(status, "").Status)).toEqual(["OK", "NOK", "NOK", "NOK"]);
});

test("older fields have the values of the first destination", () => {
  const query =
    "serviceName=s&servicePath.1=/a&port.1=1&serviceDomain.1=x.com&httpsPort.1=2&outboundHostname.1=acme.com" +
    "&httpsOnly.1=true&timeoutServer.1=3&timeoutTunnel.1=4&pathType.1=path_end&servicePath.2=/b&port.2=9";
  expect(answerOf(200, "", parse(query), { mode: "swarm" })).toMatchObject({
    Mode: "swarm",
    ServicePath: ["/a"],
    ServiceDomain: ["x.com"],
    PathType: "path_end",
    SkipCheck: false,
    Port: "1",
    HttpsOnly: true,
    HttpsPort: 2,
    OutboundHostname: "acme.com",
    ReqMode: "http",
    ReqRepSearch: "",
    TimeoutServer: "3",
    TimeoutTunnel: "4",
    FullServiceName: "s",
    Host: "acme.com",
  });
});

test("ports that requests must arrive on are told with their ACLs, whose names have the style of the config", () => {
  const service = parse("serviceName=s&servicePath=/x&port=9001&httpsPort=9443&aclName=a");
  const ports = (style: "2016" | "2019") => (serviceJson(service, { nameStyle: style }).ServiceDest as [object])[0];
  expect(ports("2019")).toMatchObject({
    SrcPort: 80,
    SrcHttpsPort: 443,
    SrcPortAcl: "acl srcPort_a80_0 dst_port 80",
    SrcPortAclName: " srcPort_a80_0",
    SrcHttpsPortAcl: "acl srcHttpsPort_a443_0 dst_port 443",
    SrcHttpsPortAclName: " srcHttpsPort_a443_0",
    IncludeSrcPortACL: true,
    IncludeSrcHttpsPortACL: true,
  });
  expect(ports("2016")).toMatchObject({ SrcPortAclName: " srcPort_a80", SrcHttpsPortAclName: " srcHttpsPort_a443" });
});

test("rewrites, user agents, headers and modes are told as the original tells them", () => {
  const query =
    "serviceName=s&reqMode=sni&servicePath=x.com&srcPort=443&port=1&reqPathSearch=/a&reqPathReplace=/b" +
    "&reqPathSearchReplace=/c,/d:/e,&userAgent=amiga,Amstrad CPC/2&serviceHeader=b:2,a:1";
  const [destination] = serviceJson(parse(query)).ServiceDest as [Record<string, unknown>];
  expect(destination).toMatchObject({
    ReqModeFormatted: "tcp",
    ReqPathSearchReplace: "/c,/d:/e,",
    ReqPathSearchReplaceFormatted: ["/a,/b", "/c,/d", "/e,"],
    UserAgent: { Value: ["amiga", "Amstrad CPC/2"], AclName: "amiga_Amstrad_CPC_2" },
  });
  expect(JSON.stringify(destination.ServiceHeader)).toBe('{"a":"1","b":"2"}');
});

test("in config?type=json the name follows the domain algorithm, and older fields are left out", () => {
  const names = Object.keys(serviceJson(goDemo));
  const at = serviceFields.indexOf("ServiceDomainAlgo") + 1;
  expect(names).toEqual([...serviceFields.slice(0, at), "ServiceName", ...serviceFields.slice(at)]);
});

test("passwords and certificates are told unless redacted", () => {
  const service = parse("serviceName=s&servicePath=/&port=1&users=ann:secret&serviceCert=key");
  expect(answerOf(200, "", service)).toMatchObject({
    Users: [{ Username: "ann", Password: "secret", PassEncrypted: false }],
    ServiceCert: "key",
  });
  expect(answerOf(200, "", service, { redact: true })).toMatchObject({
    Users: [{ Username: "ann", Password: "*****", PassEncrypted: false }],
    ServiceCert: "*****",
  });
  expect(answerOf(200, "", goDemo, { redact: true })).toMatchObject({ Users: null, ServiceCert: "" });
});

test("a refused request that names no destination is answered with one that has only a mode", () => {
  try {
    parse("serviceName=s&reqMode=tcp");
  } catch (error) {
    const { service } = error as { service?: Parameters<typeof answerOf>[2] };
    expect(answerOf(400, "", service)).toMatchObject({
      ServiceDest: [{ ReqMode: "tcp", PathType: "", ReqModeFormatted: "", ServicePath: null, ServiceHeader: null }],
    });
    return;
  }
  expect.unreachable();
});

test("text is escaped as Go does it", () => {
  expect(goJson({ a: '<b>&\u2028\u2029"\\\n', b: ["\ud800"], c: null })).toBe(
    '{"a":"\\u003cb\\u003e\\u0026\\u2028\\u2029\\"\\\\\\n","b":["\ufffd"],"c":null}',
  );
  expect(answerText(400, "<&>")).toMatch(/^\{"Status":"NOK","Message":"\\u003c\\u0026\\u003e","ServiceName":"",/);
});
