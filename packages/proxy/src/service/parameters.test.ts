import { expect, test } from "vitest";
import { destinationParameters, serviceParameters } from "./parameters.ts";
import { defaultParseContext } from "./parse-context.ts";
import { parseService } from "./parse-service.ts";
import { parameterReference } from "./reference.ts";
import type { Destination, ProxyService } from "./service.ts";

const plain = "serviceName=go-demo&servicePath=/demo&port=8080";
const parse = (query: string) => parseService(new URLSearchParams(query), defaultParseContext);

/** What each service-level parameter is given as, and what comes of it. */
const ofService: Record<keyof typeof serviceParameters, [text: string, read: Partial<ProxyService>]> = {
  serviceName: ["go-demo", { serviceName: "go-demo" }],
  aclName: ["05-go-demo", { aclName: "05-go-demo" }],
  addReqHeader: [
    "X-Version 3, X-Name %[src] if { path /a }",
    { addReqHeader: ["X-Version 3", "X-Name %[src] if { path /a }"] },
  ],
  setReqHeader: ['X-Words "a b"', { setReqHeader: ['X-Words "a b"'] }],
  delReqHeader: ["X-One,X-Two", { delReqHeader: ["X-One", "X-Two"] }],
  addResHeader: ["X-Version 3", { addResHeader: ["X-Version 3"] }],
  setResHeader: [
    'Strict-Transport-Security "max-age=16000000; includeSubDomains; preload;"',
    { setResHeader: ['Strict-Transport-Security "max-age=16000000; includeSubDomains; preload;"'] },
  ],
  delResHeader: ["Server,X-Powered-By -m beg", { delResHeader: ["Server", "X-Powered-By -m beg"] }],
  backendExtra: ["http-request deny if { path /admin }", { backendExtra: "http-request deny if { path /admin }" }],
  checkResolvers: ["true", { checkResolvers: true }],
  compressionAlgo: ["gzip deflate", { compressionAlgo: "gzip deflate" }],
  compressionType: ["text/css application/json", { compressionType: "text/css application/json" }],
  connectionMode: ["http-server-close", { connectionMode: "http-server-close" }],
  discoveryType: ["DNS", { discoveryType: "DNS" }],
  distribute: ["true", { distribute: true }],
  isDefaultBackend: ["true", { isDefaultBackend: true }],
  proxyInstanceName: ["docker flow", { proxyInstanceName: "docker flow" }],
  redirectWhenHttpProto: ["true", { redirectWhenHttpProto: true }],
  redirectUnlessHttpsProto: ["true", { redirectUnlessHttpsProto: true }],
  replicas: ["3", { replicas: 3 }],
  reqPathSearch: ["^/a", { reqPathSearch: "^/a" }],
  reqPathReplace: ["/b", { reqPathReplace: "/b" }],
  serviceCert: [
    "-----BEGIN X-----\\nabc\\n-----END X-----",
    { serviceCert: "-----BEGIN X-----\nabc\n-----END X-----" },
  ],
  serviceDomainAlgo: ["hdr(host),field(1,:)", { serviceDomainAlgo: "hdr(host),field(1,:)" }],
  serviceDomainMatchAll: ["true", { serviceDomainAlgo: "hdr_dom(host)" }],
  sessionType: ["sticky-server", { sessionType: "sticky-server" }],
  templateFePath: ["/tmpl/fe.tmpl", { templateFePath: "/tmpl/fe.tmpl" }],
  templateBePath: ["/tmpl/be.tmpl", { templateBePath: "/tmpl/be.tmpl" }],
  users: ["ann:p+q", { users: [{ username: "ann", password: "p+q", encrypted: false }] }],
  usersSecret: ["none", { users: [] }],
  usersPassEncrypted: ["true", { users: undefined }],
};

/** The same for a destination: two values, so that one can be the default of the other. */
const ofDestination: Record<
  keyof typeof destinationParameters,
  [first: string, first: Partial<Destination>, other: string, other: Partial<Destination>]
> = {
  port: ["9001", { port: "9001" }, "9002", { port: "9002" }],
  httpsPort: ["9443", { httpsPort: 9443 }, "9444", { httpsPort: 9444 }],
  srcPort: ["81", { srcPort: 81 }, "82", { srcPort: 82 }],
  srcHttpsPort: ["444", { srcHttpsPort: 444 }, "445", { srcHttpsPort: 445 }],
  reqMode: ["TCP", { reqMode: "tcp" }, "sni", { reqMode: "sni" }],
  servicePath: ["/a, /b", { servicePath: ["/a", "/b"] }, "/c", { servicePath: ["/c"] }],
  servicePathExclude: ["/a/x,/a/y", { servicePathExclude: ["/a/x", "/a/y"] }, "/z", { servicePathExclude: ["/z"] }],
  pathType: ["path_reg", { pathType: "path_reg" }, "req_ssl_sni -i -m beg", { pathType: "req_ssl_sni -i -m beg" }],
  serviceDomain: ["a.com,*.b.com", { serviceDomain: ["a.com", "*.b.com"] }, "c.com", { serviceDomain: ["c.com"] }],
  serviceHeader: [
    "X-Version:3, name: Viktor ,dropped,a:b:c",
    { serviceHeader: { "X-Version": "3", name: "Viktor" } },
    "X-A:1",
    { serviceHeader: { "X-A": "1" } },
  ],
  userAgent: ["amiga,Amstrad CPC", { userAgent: ["amiga", "Amstrad CPC"] }, "atari", { userAgent: ["atari"] }],
  allowedMethods: ["GET,M-SEARCH", { allowedMethods: ["GET", "M-SEARCH"] }, "PUT", { allowedMethods: ["PUT"] }],
  deniedMethods: ["DELETE", { deniedMethods: ["DELETE"] }, "PUT", { deniedMethods: ["PUT"] }],
  denyHttp: ["true", { denyHttp: true }, "false", { denyHttp: false }],
  httpsOnly: ["false", { httpsOnly: false }, "true", { httpsOnly: true }],
  httpsRedirectCode: ["301", { httpsRedirectCode: "301" }, "308", { httpsRedirectCode: "308" }],
  ignoreAuthorization: ["1", { ignoreAuthorization: true }, "0", { ignoreAuthorization: false }],
  outboundHostname: ["acme.com", { outboundHostname: "acme.com" }, "fd00::1", { outboundHostname: "fd00::1" }],
  redirectFromDomain: ["old.com", { redirectFromDomain: ["old.com"] }, "o.com", { redirectFromDomain: ["o.com"] }],
  reqPathSearchReplace: [
    "^/a,/b:c,",
    {
      rewrites: [
        { search: "^/a", replace: "/b" },
        { search: "c", replace: "" },
      ],
    },
    "/x,/y",
    { rewrites: [{ search: "/x", replace: "/y" }] },
  ],
  sslVerifyNone: ["T", { sslVerifyNone: true }, "F", { sslVerifyNone: false }],
  timeoutServer: ["40", { timeoutServer: "40" }, "0", { timeoutServer: "0" }],
  timeoutTunnel: ["3600", { timeoutTunnel: "3600" }, "1", { timeoutTunnel: "1" }],
  timeoutClient: ["30", { timeoutClient: "30" }, "2147483", { timeoutClient: "2147483" }],
  checkTcp: ["true", { checkTcp: true }, "no", { checkTcp: false }],
  clitcpka: ["TRUE", { clitcpka: true }, "FALSE", { clitcpka: false }],
  serviceGroup: ["mqtt", { serviceGroup: "mqtt" }, "amqp", { serviceGroup: "amqp" }],
  balanceGroup: ["leastconn", { balanceGroup: "leastconn" }, "uri depth 2", { balanceGroup: "uri depth 2" }],
  verifyClientSsl: ["t", { verifyClientSsl: true }, "f", { verifyClientSsl: false }],
  userDef: [" free, 'text' ", { userDef: " free, 'text' " }, "x", { userDef: "x" }],
  maxConn: ["10", { maxConn: 10 }, "20", { maxConn: 20 }],
  allowedSrc: ["10.0.0.0/8,fd00::1", { allowedSrc: ["10.0.0.0/8", "fd00::1"] }, "::1", { allowedSrc: ["::1"] }],
  deniedSrc: ["192.0.2.1", { deniedSrc: ["192.0.2.1"] }, "::/0", { deniedSrc: ["::/0"] }],
};

/** So that any of them makes a whole destination. */
const needed = "serviceName=go-demo&servicePath=/demo&port=8080&srcPort=80&serviceDomain=x.com";
const parseWith = (query: string, name: string, text: string) => {
  const parameters = new URLSearchParams(query);
  parameters.set(name, text);
  return parseService(parameters, defaultParseContext);
};

test("there are the original's 63 parameters, its two old names included, and three of our own", () => {
  const names = [...Object.keys(serviceParameters), ...Object.keys(destinationParameters)];
  expect(names).toHaveLength(63 - 2 + 3);
  expect(new Set(names).size).toBe(names.length);
});

test.each(Object.entries(ofService))("reads %s of a service", (name, [text, read]) => {
  expect(parseWith(plain, name, text)).toMatchObject(read);
});

test.each(Object.entries(ofService))("finds %s of a service in any case", (name, [text, read]) => {
  const parameters = new URLSearchParams([...new URLSearchParams(plain)].filter(([other]) => other !== name));
  parameters.set(name.toUpperCase(), text);
  expect(parseService(parameters, defaultParseContext)).toMatchObject(read);
});

test.each(Object.entries(ofDestination))("reads %s of a destination without suffix", (name, [text, read]) => {
  expect(parseWith(needed, name, text).destinations).toEqual([expect.objectContaining({ index: 0, ...read })]);
});

test.each(Object.entries(ofDestination))(
  "reads %s of destinations with suffix, and takes the value without suffix where they have none",
  (name, [first, ofFirst, other, ofOther]) => {
    const indexed = new URLSearchParams(`${needed}&port.1=1&port.2=2&port.3=3`);
    if (name === "port") indexed.delete("port.1");
    if (name === "port") indexed.set("servicePath.1", "/one");
    indexed.set(name, first);
    indexed.set(`${name}.2`, other);
    const [one, two, three, ...more] = parseService(indexed, defaultParseContext).destinations;
    expect(one).toMatchObject({ index: 1, ...(name === "httpsOnly" ? { httpsOnly: false } : ofFirst) });
    expect(two).toMatchObject({ index: 2, ...ofOther });
    expect(three).toMatchObject({ index: 3, ...(name === "port" ? { port: "3" } : ofFirst) });
    expect(more).toEqual([]);
  },
);

test.each(Object.entries(ofDestination))(
  "knows %s of a destination only in its own case",
  (name, [, , other, read]) => {
    if (name === "httpsOnly" || name === "port") return;
    const parameters = new URLSearchParams(needed);
    parameters.set(name.toUpperCase(), other);
    const [destination] = parseService(parameters, defaultParseContext).destinations;
    if (Object.values(read)[0] !== false) expect(destination).not.toMatchObject(read);
  },
);

test("what is not given is nothing, or the documented default", () => {
  expect(parse(plain)).toEqual({
    serviceName: "go-demo",
    aclName: "",
    addReqHeader: [],
    setReqHeader: [],
    delReqHeader: [],
    addResHeader: [],
    setResHeader: [],
    delResHeader: [],
    backendExtra: "",
    checkResolvers: false,
    compressionAlgo: "",
    compressionType: "",
    connectionMode: "",
    discoveryType: "",
    distribute: false,
    isDefaultBackend: false,
    proxyInstanceName: "",
    redirectWhenHttpProto: false,
    redirectUnlessHttpsProto: false,
    replicas: undefined,
    reqPathSearch: "",
    reqPathReplace: "",
    serviceCert: "",
    serviceDomainAlgo: "",
    sessionType: "",
    templateFePath: "",
    templateBePath: "",
    users: undefined,
    destinations: [
      {
        index: 0,
        port: "8080",
        httpsPort: 0,
        srcPort: 0,
        srcHttpsPort: 0,
        reqMode: "http",
        servicePath: ["/demo"],
        servicePathExclude: [],
        pathType: "path_beg",
        serviceDomain: [],
        serviceHeader: {},
        userAgent: [],
        allowedMethods: [],
        deniedMethods: [],
        denyHttp: false,
        httpsOnly: false,
        httpsRedirectCode: "",
        ignoreAuthorization: false,
        outboundHostname: "",
        redirectFromDomain: [],
        rewrites: [],
        sslVerifyNone: false,
        timeoutServer: "",
        timeoutTunnel: "",
        timeoutClient: "",
        checkTcp: false,
        clitcpka: false,
        serviceGroup: "",
        balanceGroup: "",
        verifyClientSsl: false,
        userDef: "",
      },
    ],
  });
});

test("the reference has a line for every parameter", () => {
  const lines = parameterReference().split("\n");
  expect(lines).toContain(
    "| `reqPathSearchReplace` | `DFP_SERVICE_REQ_PATH_SEARCH_REPLACE` | search,replace[:search,replace...] |  | rewrites of the path |",
  );
  expect(lines).toContain(
    "| `addReqHeader` (old: `addHeader`) | `DFP_SERVICE_ADD_REQ_HEADER` | list of Name value |  | headers added to requests |",
  );
  expect(lines.filter((line) => line.startsWith("| `"))).toHaveLength(64);
});
