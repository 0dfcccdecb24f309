import { expect, test } from "vitest";
import { ParameterError } from "./parameter-error.ts";
import { defaultParseContext, type ParseContext } from "./parse-context.ts";
import { parseService } from "./parse-service.ts";

const parse = (query: string, context: Partial<ParseContext> = {}) =>
  parseService(new URLSearchParams(query), { ...defaultParseContext, ...context });

/** `400 the message` */
function refusal(query: string, context: Partial<ParseContext> = {}): string {
  try {
    parse(query, context);
    return "accepted";
  } catch (error) {
    if (error instanceof ParameterError) return `${error.status} ${error.message}`;
    throw error;
  }
}

/** `index path port domain`, one a destination. */
const destinations = (query: string, context: Partial<ParseContext> = {}) =>
  parse(query, context).destinations.map(({ index, servicePath, port, serviceDomain }) =>
    `${index} ${servicePath} ${port} ${serviceDomain}`.trim(),
  );

test("without suffixes there is one destination with index 0", () => {
  expect(destinations("serviceName=s&servicePath=/a,/b&port=9001&serviceDomain=x.com")).toEqual(["0 /a,/b 9001 x.com"]);
});

test("with suffixes only those are destinations, and values without suffix are their defaults", () => {
  expect(
    destinations("serviceName=s&servicePath=/base&port=9001&servicePath.1=/one&port.2=9002&serviceDomain.2=d2.com"),
  ).toEqual(["1 /one 9001", "2 /base 9002 d2.com"]);
});

test.each(["servicePath.1=/x", "port.1=1", "serviceDomain.1=x.com", "httpsPort.1=1"])(
  "%s alone makes destination 1",
  (given) => {
    expect(parse(`serviceName=s&servicePath=/&port=9001&${given}`).destinations.map(({ index }) => index)).toEqual([1]);
  },
);

test("what identifies no destination makes none", () => {
  const query = "serviceName=s&servicePath=/&port=9001&srcPort.1=81&reqMode.1=tcp&timeoutServer.1=5";
  expect(parse(query).destinations).toMatchObject([{ index: 0, reqMode: "http", srcPort: 0, timeoutServer: "" }]);
});

test("a gap hides the destinations after it, and those above 10 are never read", () => {
  expect(destinations("serviceName=s&servicePath=/&port.1=1&port.3=3")).toEqual(["1 / 1"]);
  const eleven = Array.from({ length: 11 }, (_, i) => `port.${i + 1}=${i + 1}`).join("&");
  expect(destinations(`serviceName=s&servicePath=/&${eleven}`)).toHaveLength(10);
  expect(destinations("serviceName=s&servicePath=/&port=80&port.2=2")).toEqual(["0 / 80"]);
});

test("an empty value with a suffix falls back to the one without", () => {
  expect(destinations("serviceName=s&servicePath=/&port=80&port.1=&servicePath.1=/a")).toEqual(["1 /a 80"]);
});

test("a domain without a path has every path", () => {
  expect(destinations("serviceName=s&serviceDomain=x.com&port=80")).toEqual(["0 / 80 x.com"]);
  expect(destinations("serviceName=s&serviceDomain.1=x.com&port.1=80&servicePath.2=/b&port.2=81")).toEqual([
    "1 / 80 x.com",
    "2 /b 81",
  ]);
});

test("with sni, domains without names are the names that clients ask for", () => {
  const [destination] = parse("serviceName=s&reqMode=sni&serviceDomain=a.com,b.com&port=80&srcPort=443").destinations;
  expect(destination).toMatchObject({ servicePath: ["a.com", "b.com"], pathType: "req_ssl_sni -i" });
});

test("parts of lists are trimmed, and empty ones do not count", () => {
  expect(destinations("serviceName=s&servicePath=,/a, /b ,,&port= 9001 &serviceDomain=,")).toEqual(["0 /a,/b 9001"]);
});

test("lists are split at the operator's separator", () => {
  const query = "serviceName=s&servicePath=/a,1|/b&port=80&addReqHeader=X-A 1|X-B 2&userAgent=a|b";
  const service = parse(query, { separator: "|" });
  expect(service.addReqHeader).toEqual(["X-A 1", "X-B 2"]);
  expect(service.destinations).toMatchObject([{ servicePath: ["/a,1", "/b"], userAgent: ["a", "b"] }]);
});

test.each([
  ["httpsOnly=true&httpsOnly.1=false", {}, [true, true]],
  ["httpsOnly.1=true", {}, [true, false]],
  ["httpsOnly=false&httpsOnly.2=true", {}, [false, true]],
  ["httpsOnly.1=false", { httpsOnly: true }, [true, true]],
])("httpsOnly without suffix, or of the proxy, holds everywhere: %s %o", (query, context, expected) => {
  const service = parse(`serviceName=s&servicePath=/&port.1=1&port.2=2&${query}`, context);
  expect(service.destinations.map(({ httpsOnly }) => httpsOnly)).toEqual(expected);
});

test.each([
  ["", undefined],
  ["replicas=", undefined],
  ["replicas=0", 0],
  ["replicas=7", 7],
])("a service without replicas is global: %s", (query, replicas) => {
  expect(parse(`serviceName=s&servicePath=/&port=80&${query}`).replicas).toBe(replicas);
});

test.each([
  ["1", true],
  ["T", true],
  ["True", true],
  ["on", true],
  ["tRUE", false],
  ["yes", false],
  ["0", false],
])("distribute=%s is %s, as Go reads it", (text, expected) => {
  expect(parse(`serviceName=s&servicePath=/&port=80&distribute=${text}`).distribute).toBe(expected);
});

test("the present name of a parameter goes before its old one", () => {
  const plain = "serviceName=s&servicePath=/&port=80";
  expect(parse(`${plain}&addHeader=X-A 1&setHeader=X-B 2`)).toMatchObject({
    addReqHeader: ["X-A 1"],
    setReqHeader: ["X-B 2"],
  });
  expect(parse(`${plain}&addHeader=X-A 1&addReqHeader=X-C 3`).addReqHeader).toEqual(["X-C 3"]);
});

test("the deprecated rewrite comes before the others, and its replacement may be missing", () => {
  const query = "serviceName=s&servicePath=/&port=80&reqPathSearch=/a&reqPathSearchReplace=/b,/c";
  expect(parse(query).destinations[0]?.rewrites).toEqual([
    { search: "/a", replace: "" },
    { search: "/b", replace: "/c" },
  ]);
});

test("serviceDomainMatchAll is the old way to ask for hdr_dom(host)", () => {
  const plain = "serviceName=s&serviceDomain=x.com&port=80";
  expect(parse(`${plain}&serviceDomainMatchAll=true`).serviceDomainAlgo).toBe("hdr_dom(host)");
  expect(parse(`${plain}&serviceDomainMatchAll=false&serviceDomainAlgo=hdr(host)`).serviceDomainAlgo).toBe("hdr(host)");
});

test("connection modes that HAProxy no longer has become the nearest", () => {
  const mode = (text: string) => parse(`serviceName=s&servicePath=/&port=80&connectionMode=${text}`).connectionMode;
  expect(["forceclose", "http-tunnel", "HTTPCLOSE"].map(mode)).toEqual(["httpclose", "http-keep-alive", "httpclose"]);
});

test("passes over what it does not know: other labels, and what Consul needed", () => {
  const plain = "serviceName=s&servicePath=/&port=80";
  const others =
    "alertName=mem&notify=true&consulTemplateFePath=/x&consulTemplateBePath=/y&serviceColor=blue&skipCheck=1&mode=swarm" +
    "&reqRepSearch=a&reqRepReplace=b&debug=true&aclCondition=x%0ay&tasks=1&isGlobal=false&useGlobalUsers=true&__proto__=1";
  expect(parse(`${plain}&${others}`)).toEqual(parse(plain));
});

test("of a repeated parameter the first counts", () => {
  expect(destinations("serviceName=s&servicePath=/a&servicePath=/b&port=80&port=81")).toEqual(["0 /a 80"]);
});

const noPath = "409 When using reqMode http, servicePath or serviceDomain are mandatory";
const noSource = "400 When NOT using reqMode http (e.g. tcp), srcPort and port parameters are mandatory.";
const noPort = '400 When MODE is set to "service" or "swarm", the port query is mandatory';

test.each([
  ["", "400 serviceName parameter is mandatory."],
  ["serviceName=&servicePath=/x&port=80", "400 serviceName parameter is mandatory."],
  ["servicePath=/x&port=80", "400 serviceName parameter is mandatory."],
  ["serviceName=s", noPath],
  ["serviceName=s&port=80", noPath],
  ["serviceName=s&port=80&servicePath=,", noPath],
  ["serviceName=s&port=abc", noPath],
  ["serviceName=s&port.1=80&servicePath.2=/x", noPath],
  ["serviceName=s&reqMode=HTTP&port=80", noPath],
  ["serviceName=s&reqMode=tcp", noSource],
  ["serviceName=s&reqMode=tcp&port=80", noSource],
  ["serviceName=s&reqMode=TCP&srcPort=80", noSource],
  ["serviceName=s&reqMode=sni&port=80&srcPort=0&servicePath=a.com", noSource],
  ["serviceName=s&servicePath=/x", noPort],
  ["serviceName=s&servicePath=/x&port=&httpsPort=0", noPort],
  ["serviceName=s&serviceDomain=x.com&srcPort=80", noPort],
])("%s: %s", (query, expected) => {
  expect(refusal(query)).toBe(expected);
});

test.each([
  "serviceName=s&servicePath=/x&port=80",
  "serviceName=s&serviceDomain=x.com&port=80",
  "serviceName=s&servicePath=/x&httpsPort=443",
  "serviceName=s&reqMode=tcp&srcPort=6379&port=6379",
  "serviceName=s&reqMode=sni&srcPort=443&port=443&servicePath=a.com",
  "serviceName=s&servicePath.1=/x&port.1=80&servicePath.2=/without-port",
])("%s: accepted", (query) => {
  expect(refusal(query)).toBe("accepted");
});

test("an error about what is missing carries what was understood", () => {
  const error = (query: string): unknown => {
    try {
      return parse(query);
    } catch (thrown) {
      return thrown;
    }
  };
  expect(error("serviceName=s&aclName=a&port=80")).toMatchObject({
    code: "conflict",
    service: { serviceName: "s", aclName: "a", destinations: [{ port: "80" }] },
  });
  expect(error("serviceName=s&port=abc")).toMatchObject({ status: 409, service: undefined });
  expect(error("serviceName=s&servicePath=/&port=abc")).toMatchObject({ code: "invalid-parameter", status: 400 });
});
