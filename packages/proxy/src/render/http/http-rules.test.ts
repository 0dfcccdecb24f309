import { expect, test } from "vitest";
import { goDemo, renderServices, rulesOf, service, settingsWith } from "../test-input.ts";

const rules = (...queries: string[]) => rulesOf(renderServices(queries.map((query) => service(query))));
/** As the configs of 2019, where the first destination had a number too. */
const rules2019 = (...queries: string[]) =>
  rulesOf(
    renderServices(
      queries.map((query) => service(query)),
      { settings: settingsWith({ services: { nameStyle: "2019" } }) },
    ),
  );

test("a path leads to the service's backend", () => {
  expect(rulesOf(renderServices([goDemo]))).toEqual([
    "acl url_go-demo8080 path_beg /demo",
    "use_backend go-demo-be8080 if url_go-demo8080",
  ]);
});

test("paths, excluded paths and domains are named after the service and its port", () => {
  expect(
    rules2019("serviceName=svc&port=9001&servicePath=/a,/b&serviceDomain=x.com,y.com&servicePathExclude=/a/x"),
  ).toEqual([
    "acl url_svc9001_0 path_beg /a path_beg /b",
    "acl url_exclude_svc9001_0 path_beg /a/x",
    "acl domain_svc9001_0 hdr_beg(host) -i x.com y.com",
    "use_backend svc-be9001_0 if url_svc9001_0 !url_exclude_svc9001_0 domain_svc9001_0",
  ]);
});

test("all of a service's ACLs come before its backends", () => {
  expect(
    rules2019(
      "serviceName=svc&servicePath.1=/one&port.1=9001&srcPort.1=80&servicePath.2=/two&port.2=9001&srcPort.2=443",
    ),
  ).toEqual([
    "acl url_svc9001_1 path_beg /one",
    "acl srcPort_svc80_1 dst_port 80",
    "acl url_svc9001_2 path_beg /two",
    "acl srcPort_svc443_2 dst_port 443",
    "use_backend svc-be9001_1 if url_svc9001_1 srcPort_svc80_1",
    "use_backend svc-be9001_2 if url_svc9001_2 srcPort_svc443_2",
  ]);
});

test("an https port is for what comes to the https port of the proxy", () => {
  expect(rules2019("serviceName=svc&port=9001&httpsPort=9443&serviceDomain=q.com&servicePath=/x")).toEqual([
    "acl url_svc9001_0 path_beg /x",
    "acl domain_svc9001_0 hdr_beg(host) -i q.com",
    "acl url_https_svc9443_0 path_beg /x",
    "acl domain_https_svc9443_0 hdr_beg(host) -i q.com",
    "acl srcPort_svc80_0 dst_port 80",
    "acl srcHttpsPort_svc443_0 dst_port 443",
    "use_backend svc-be9001_0 if url_svc9001_0 domain_svc9001_0 srcPort_svc80_0",
    "use_backend https-svc-be9443_0 if url_https_svc9443_0 domain_https_svc9443_0 srcHttpsPort_svc443_0",
  ]);
});

test("an https port and a port may both have source ports of their own, and the other conditions hold for both", () => {
  expect(
    rules(
      "serviceName=svc&port=9001&httpsPort=9443&srcPort=8080&srcHttpsPort=8443&servicePath=/x&servicePathExclude=/x/y" +
        "&userAgent=amiga&serviceHeader=X-A:1",
    ),
  ).toEqual([
    "acl url_svc9001 path_beg /x",
    "acl url_exclude_svc9001 path_beg /x/y",
    "acl url_https_svc9443 path_beg /x",
    "acl url_exclude_https_svc9443 path_beg /x/y",
    "acl hdr_svc9001_0 hdr(X-A) 1",
    "acl srcPort_svc8080 dst_port 8080",
    "acl srcHttpsPort_svc8443 dst_port 8443",
    "acl user_agent_svc_amiga hdr_sub(User-Agent) -i amiga",
    "use_backend svc-be9001 if url_svc9001 !url_exclude_svc9001 hdr_svc9001_0 srcPort_svc8080 user_agent_svc_amiga",
    "use_backend https-svc-be9443 if url_https_svc9443 !url_exclude_https_svc9443 hdr_svc9001_0 srcHttpsPort_svc8443 user_agent_svc_amiga",
  ]);
});

test("each destination has its own domains, wildcards and redirects", () => {
  expect(
    rules(
      "serviceName=svc&serviceDomain.1=a.com,*.a.com&port.1=1&serviceDomain.2=b.com&port.2=2&redirectFromDomain.2=old.com" +
        "&servicePath.3=/c&port.3=3",
    ),
  ).toEqual([
    "acl url_svc1_1 path_beg /",
    "acl domain_svc1_1 hdr_beg(host) -i a.com",
    "acl domain_svc1_1 hdr_end(host) -i .a.com",
    "acl url_svc2_2 path_beg /",
    "acl domain_svc2_2 hdr_beg(host) -i b.com",
    "http-request redirect code 301 prefix http://b.com if { hdr_beg(host) -i old.com }",
    "acl url_svc3_3 path_beg /c",
    "use_backend svc-be1_1 if url_svc1_1 domain_svc1_1",
    "use_backend svc-be2_2 if url_svc2_2 domain_svc2_2",
    "use_backend svc-be3_3 if url_svc3_3",
  ]);
});

test("a destination without a user agent takes what the others leave", () => {
  expect(
    rules(
      "serviceName=svc&servicePath=/x&port.1=1&userAgent.1=amiga&port.2=2&userAgent.2=amstrad,My App/2&port.3=3",
    ).filter((line) => /user_agent|use_backend/.test(line)),
  ).toEqual([
    "acl user_agent_svc_amiga_1 hdr_sub(User-Agent) -i amiga",
    "acl user_agent_svc_amstrad_My_App_2_2 hdr_sub(User-Agent) -i amstrad 'My App/2'",
    "use_backend svc-be1_1 if url_svc1_1 user_agent_svc_amiga_1",
    "use_backend svc-be2_2 if url_svc2_2 user_agent_svc_amstrad_My_App_2_2",
    "use_backend svc-be3_3 if url_svc3_3",
  ]);
});

test("an https port may be the only one, and may have source ports of its own", () => {
  expect(rules("serviceName=svc&httpsPort=9443&servicePath=/x&srcHttpsPort=8443")).toEqual([
    "acl url_https_svc9443 path_beg /x",
    "acl srcHttpsPort_svc8443 dst_port 8443",
    "use_backend https-svc-be9443 if url_https_svc9443 srcHttpsPort_svc8443",
  ]);
});

test("request headers and user agents narrow a route", () => {
  expect(
    rules2019("serviceName=svc&port=9001&servicePath=/&userAgent=amiga,amstrad&serviceHeader=name:Viktor,X-Version:3"),
  ).toEqual([
    "acl url_svc9001_0 path_beg /",
    "acl hdr_svc9001_0 hdr(X-Version) 3",
    "acl hdr_svc9001_1 hdr(name) Viktor",
    "acl user_agent_svc_amiga_amstrad_0 hdr_sub(User-Agent) -i amiga amstrad",
    "use_backend svc-be9001_0 if url_svc9001_0 hdr_svc9001_0 hdr_svc9001_1 user_agent_svc_amiga_amstrad_0",
  ]);
});

test("each destination asks for its own headers, on one port or on two", () => {
  const query =
    "serviceName=svc&servicePath.1=/a&port.1=1&serviceHeader.1=A:1&servicePath.2=/b&port.2=2&serviceHeader.2=B:2" +
    "&servicePath.3=/c&port.3=1&serviceHeader.3=C:3";
  expect(rules(query).filter((line) => /hdr/.test(line))).toEqual([
    "acl hdr_svc1_0 hdr(A) 1",
    "acl hdr_svc2_0 hdr(B) 2",
    "acl hdr_svc1_1 hdr(C) 3",
    "use_backend svc-be1_1 if url_svc1_1 hdr_svc1_0",
    "use_backend svc-be2_2 if url_svc2_2 hdr_svc2_0",
    "use_backend svc-be1_3 if url_svc1_3 hdr_svc1_1",
  ]);
});

test("a header may have to be there and empty", () => {
  const empty = service("serviceName=svc&port=1&servicePath=/", {});
  const destinations = empty.destinations.map((each) => ({ ...each, serviceHeader: { "X-A": "" } }));
  expect(rulesOf(renderServices([{ ...empty, destinations }]))[1]).toBe("acl hdr_svc1_0 hdr(X-A) -m len 0");
});

test("only domains with an asterisk match by their ending", () => {
  expect(rules("serviceName=svc&port=80&serviceDomain=x.com,*.y.com,*.z.com")).toEqual([
    "acl url_svc80 path_beg /",
    "acl domain_svc80 hdr_beg(host) -i x.com",
    "acl domain_svc80 hdr_end(host) -i .y.com .z.com",
    "use_backend svc-be80 if url_svc80 domain_svc80",
  ]);
});

test("the algorithm for domains is the service's, else the proxy's", () => {
  const domain = (query: string, domainAlgo = "hdr_beg(host)") =>
    rulesOf(renderServices([service(query)], { settings: settingsWith({ services: { domainAlgo } }) }))[1];
  const query = "serviceName=svc&port=80&serviceDomain=x.com";
  expect(domain(query, "hdr(host)")).toBe("acl domain_svc80 hdr(host) -i x.com");
  expect(domain(`${query}&serviceDomainAlgo=hdr_dom(host)`, "hdr(host)")).toBe(
    "acl domain_svc80 hdr_dom(host) -i x.com",
  );
  expect(domain(`${query}&serviceDomainMatchAll=true`)).toBe("acl domain_svc80 hdr_dom(host) -i x.com");
});

test("the type of the path is any matcher of HAProxy", () => {
  expect(rules("serviceName=svc&port=80&servicePath=^/a(b|c)$&pathType=path_reg")[0]).toBe(
    "acl url_svc80 path_reg ^/a(b|c)$",
  );
});

test("more patterns than a line of HAProxy's has words are in several lines", () => {
  const paths = Array.from({ length: 30 }, (_, i) => `/p${i}`);
  expect(rules(`serviceName=svc&port=80&servicePath=${paths}`)).toEqual([
    `acl url_svc80 path_beg ${paths.slice(0, 28).join(" path_beg ")}`,
    "acl url_svc80 path_beg /p28 path_beg /p29",
    "use_backend svc-be80 if url_svc80",
  ]);
});

test("a default backend is for what no rule takes", () => {
  expect(rules("serviceName=svc&port=80&servicePath=/x&isDefaultBackend=true").slice(1)).toEqual([
    "use_backend svc-be80 if url_svc80",
    "default_backend svc-be80",
  ]);
});

test("requests for an old domain are redirected to the first one", () => {
  expect(rules("serviceName=svc&port=80&serviceDomain=new.com&redirectFromDomain=old.com,older.com").slice(2)).toEqual([
    "http-request redirect code 301 prefix http://new.com if { hdr_beg(host) -i old.com }",
    "http-request redirect code 301 prefix http://new.com if { hdr_beg(host) -i older.com }",
    "use_backend svc-be80 if url_svc80 domain_svc80",
  ]);
});

test("without a domain to redirect to nothing is redirected, and the route stays", () => {
  const [destination] = goDemo.destinations;
  const destinations = destination ? [{ ...destination, redirectFromDomain: ["old.com"] }] : [];
  expect(rulesOf(renderServices([{ ...goDemo, destinations }]))).toEqual(rulesOf(renderServices([goDemo])));
});

test("what a proxy in front has taken by http is redirected", () => {
  expect(
    rules(
      "serviceName=svc&port=80&servicePath=/x&serviceDomain=y.com&redirectWhenHttpProto=true&httpsRedirectCode=308",
    ),
  ).toEqual([
    "acl url_svc80 path_beg /x",
    "acl domain_svc80 hdr_beg(host) -i y.com",
    "acl is_svc_http hdr(X-Forwarded-Proto) http",
    "http-request redirect scheme https code 308 if is_svc_http url_svc80 domain_svc80",
    "use_backend svc-be80 if url_svc80 domain_svc80",
  ]);
});

test("what a proxy in front has not taken by https is redirected", () => {
  expect(rules("serviceName=svc&port=80&servicePath=/x&redirectUnlessHttpsProto=true").slice(1, 3)).toEqual([
    "acl is_svc_https hdr(X-Forwarded-Proto) https",
    "http-request redirect scheme https if !is_svc_https url_svc80",
  ]);
});

test("a service's compression stands before its rules", () => {
  expect(
    rules("serviceName=svc&port=80&servicePath=/x&compressionAlgo=gzip&compressionType=text/css text/html"),
  ).toEqual([
    "compression algo gzip",
    "compression type text/css text/html",
    "acl url_svc80 path_beg /x",
    "use_backend svc-be80 if url_svc80",
  ]);
  expect(rules("serviceName=svc&port=80&servicePath=/x&compressionType=text/css")).toHaveLength(2);
});

const backends = (...queries: string[]) => rules(...queries).filter((line) => line.startsWith("use_backend"));

test("services are in the order of their aclNames, with well-known paths first and the root last", () => {
  expect(
    backends(
      "serviceName=a&port=1&servicePath=/,/a",
      "serviceName=b&port=1&servicePath=/b&aclName=z",
      "serviceName=c&port=1&servicePath=/c",
      "serviceName=w&port=1&servicePath=/.WELL-KNOWN/acme-challenge",
      "serviceName=Z&port=1&servicePath=/z",
      "serviceName=d&port=1&serviceDomain=d.com",
    ).map((line) => line.split(" ")[1]),
  ).toEqual(["w-be1", "Z-be1", "c-be1", "z-be1", "a-be1", "d-be1"]);
});

test("ACLs of two services never have one name", () => {
  expect(rules("serviceName=a&port=123&servicePath=/a", "serviceName=a1&port=23&servicePath=/b")).toEqual([
    "acl url_a123 path_beg /a",
    "use_backend a-be123 if url_a123",
    "acl url_a123.2 path_beg /b",
    "use_backend a1-be23 if url_a123.2",
  ]);
});

test("two services with one aclName have a backend each", () => {
  expect(
    backends("serviceName=a&aclName=x&port=1&servicePath=/a", "serviceName=b&aclName=x&port=1&servicePath=/b"),
  ).toEqual(["use_backend x-be1 if url_x1", "use_backend x-be1.2 if url_x1.2"]);
});

test("values with blanks, quotes and signs of HAProxy's language stay values", () => {
  const [destination] = goDemo.destinations;
  const destinations = destination
    ? [
        {
          ...destination,
          servicePath: ["-f", "/a b", "it's", '"$HOME"#'],
          userAgent: ["-bot"],
          serviceHeader: { A: "b c" },
        },
      ]
    : [];
  expect(rulesOf(renderServices([{ ...goDemo, destinations }]))).toEqual([
    `acl url_go-demo8080 path_beg -- path_beg -f path_beg '/a b' path_beg "it's" path_beg '"$HOME"#'`,
    "acl hdr_go-demo8080_0 hdr(A) 'b c'",
    "acl user_agent_go-demo__bot hdr_sub(User-Agent) -i -- -bot",
    "use_backend go-demo-be8080 if url_go-demo8080 hdr_go-demo8080_0 user_agent_go-demo__bot",
  ]);
});
