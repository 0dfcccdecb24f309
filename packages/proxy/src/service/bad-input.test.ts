import { expect, test } from "vitest";
import { ParameterError } from "./parameter-error.ts";
import { destinationParameters, serviceParameters } from "./parameters.ts";
import { defaultParseContext, type ParseContext } from "./parse-context.ts";
import { parseService } from "./parse-service.ts";

/** The message of the 400 that a proper request gets when `changes` are made to it. */
function refusal(changes: Record<string, string>, context: Partial<ParseContext> = {}): string {
  const parameters = new URLSearchParams("serviceName=go-demo&servicePath=/demo&port=8080");
  for (const [name, text] of Object.entries(changes)) parameters.set(name, text);
  try {
    parseService(parameters, { ...defaultParseContext, ...context });
    return "accepted";
  } catch (error) {
    if (error instanceof ParameterError && error.status === 400) return error.message;
    throw error;
  }
}

test.each([
  ["port", "0", "must be a whole number from 1 to 65535"],
  ["port", "65536", "must be a whole number from 1 to 65535"],
  ["port", "-1", "must be a whole number from 1 to 65535"],
  ["port", "http", "must be a whole number from 1 to 65535"],
  ["port", "80.5", "must be a whole number from 1 to 65535"],
  ["port", "1e3", "must be a whole number from 1 to 65535"],
  ["httpsPort", "https", "must be a whole number from 0 to 65535"],
  ["srcPort", "70000", "must be a whole number from 0 to 65535"],
  ["srcHttpsPort", "x", "must be a whole number from 0 to 65535"],
  ["replicas", "three", "must be a whole number from 0 to 10000"],
  ["replicas", "-1", "must be a whole number from 0 to 10000"],
  ["replicas", "99999999999999999999", "must be a whole number from 0 to 10000"],
  ["timeoutServer", "30s", "must be a whole number from 0 to 2147483"],
  ["timeoutClient", "2147484", "must be a whole number from 0 to 2147483"],
  ["timeoutTunnel", "-5", "must be a whole number from 0 to 2147483"],
  ["maxConn", "many", "must be a whole number from 0 to 1000000"],
  ["reqMode", "udp", "must be one of http, tcp, sni"],
  ["reqMode", "constructor", "must be one of http, tcp, sni"],
  ["httpsRedirectCode", "200", "must be 301, 302, 303, 307 or 308"],
  [
    "connectionMode",
    "httpchk GET /",
    "must be one of http-keep-alive, http-server-close, httpclose, http-tunnel, forceclose",
  ],
  ["compressionAlgo", "gzip brotli", "must be identity, gzip, deflate or raw-deflate"],
  ["compressionType", "text", "must be media types, separated by blanks"],
  [
    "serviceName",
    "../../etc/passwd",
    "must be a name: at most 200 letters, digits and _ . : -, with a letter, a digit or _ first",
  ],
  ["serviceName", "%s%n", "must be a name: at most 200 letters, digits and _ . : -, with a letter, a digit or _ first"],
  ["serviceName", "-", "must be a name: at most 200 letters, digits and _ . : -, with a letter, a digit or _ first"],
  ["aclName", "a b", "must be a name: at most 200 letters, digits and _ . : -, with a letter, a digit or _ first"],
  ["serviceGroup", "g{", "must be a name: at most 200 letters, digits and _ . : -, with a letter, a digit or _ first"],
  ["discoveryType", "DNS VIP", "must be one word"],
  ["sessionType", 'sticky"server', "must be one word"],
  ["servicePath", "/a b", "must not contain blanks"],
  ["servicePathExclude", "/a\u00a0b", "must not contain blanks"],
  ["serviceDomain", "x.com/path", "must be a host name, with * in front or not"],
  ["serviceDomain", "*", "must be a host name, with * in front or not"],
  ["serviceDomain", "a.*.com", "must be a host name, with * in front or not"],
  ["serviceDomainAlgo", "hdr(host) -f x", "must be a matcher of HAProxy such as path_beg or hdr(host)"],
  ["serviceDomainAlgo", "hdr(host) { path / }", "must be a matcher of HAProxy such as path_beg or hdr(host)"],
  ["pathType", "path_beg /etc/shadow", "must be a matcher of HAProxy such as path_beg or hdr(host)"],
  ["balanceGroup", 'uri"', "must be a balance algorithm of HAProxy"],
  ["outboundHostname", "unix@/run/docker.sock", "must be a host name or an address"],
  ["outboundHostname", "acme.com:80", "must be a host name or an address"],
  ["outboundHostname", "-x", "must be a host name or an address"],
  ["allowedMethods", "GET POST", "must be an HTTP method"],
  ["deniedMethods", "{", "must be an HTTP method"],
  ["allowedSrc", "10.0.0.0/33", "must be a subnet such as 10.0.0.0/8, or an address"],
  ["deniedSrc", "example.com", "must be a subnet such as 10.0.0.0/8, or an address"],
  ["serviceHeader", "X Y:1", "must be a header's name and its value"],
  ["serviceHeader", "X-Version:", "must be a header's name and its value"],
  ["addReqHeader", "X-Version", 'must be a header\'s name and its value: "X-Version 3"'],
  ["setReqHeader", "X(Version 3", 'must be a header\'s name and its value: "X-Version 3"'],
  ["addResHeader", "X-Version #3", 'must be a header\'s name and its value: "X-Version 3"'],
  ["setResHeader", 'X-Version "3', "has a quote that is not closed"],
  ["delReqHeader", "X-One X-Two", "must be a header's name"],
  ["delResHeader", "'X-One", "must be a header's name"],
  ["backendExtra", "backend evil", "must not begin another section of the config"],
  ["backendExtra", '"global"', "must not begin another section of the config"],
  ["backendExtra", "front\\x65nd evil", "must not begin another section of the config"],
  ["backendExtra", '"$X" evil', "must begin with a keyword of HAProxy"],
  ["backendExtra", ".notice x", "must begin with a keyword of HAProxy"],
  ["backendExtra", "http-request deny if { path '/x }", "has a quote that is not closed"],
  ["reqPathSearchReplace", "/a", "must be an expression and its replacement, separated by one comma"],
  ["reqPathSearchReplace", ",/b", "must be an expression and its replacement, separated by one comma"],
  ["reqPathSearchReplace", "/a,/b,g", "must be an expression and its replacement, separated by one comma"],
  ["usersSecret", "../shadow", "must be a secret's name: letters, digits and _ . -"],
  ["templateFePath", "fe.tmpl", "must be an absolute path without blanks"],
  ["templateFePath", "/etc/shadow", "must not be in a folder of the system"],
  ["templateBePath", "/tmpl/../run/secrets/dfp_users", "must not be in a folder of the system"],
])("refuses %s=%s", (name, text, reason) => {
  expect(refusal({ [name]: text })).toBe(`${name} ${JSON.stringify(text)} ${reason}`);
});

test("names a parameter with the suffix, or without, that it was given by", () => {
  expect(refusal({ "port.1": "x" })).toContain('port.1 "x" must');
  expect(refusal({ "port.1": "1", srcPort: "x" })).toContain('srcPort "x" must');
  expect(refusal({ SERVICENAME: "x", serviceName: "a b" })).toContain('serviceName "a b" must');
});

test("only the part of a list that is wrong is named", () => {
  expect(refusal({ allowedMethods: "GET,{,PUT" })).toBe('allowedMethods "{" must be an HTTP method');
});

const everything = [...Object.keys(serviceParameters), ...Object.keys(destinationParameters)];
const oneLine = everything.filter(
  (name) =>
    !["users", "serviceCert"].includes(name) &&
    !/^(dist|is|check|red.*Proto|den.*Http|https?Only|ssl|cli|verify|ign|serviceDomainM|usersPass)/.test(name),
);

test.each(oneLine)("lets no line end and no other control character into %s", (name) => {
  for (const control of ["\n", "\r", "\0", "\u001b", "\u007f", "\u0085"]) {
    expect(refusal({ [name]: `a${control}server evil 192.0.2.1:80` })).toMatch(new RegExp(`^${name} "?`));
    expect(refusal({ [name]: `a${control}server evil 192.0.2.1:80` })).not.toBe("accepted");
  }
});

test("a line end after a value is trimmed: labels in YAML blocks end with one", () => {
  expect(refusal({ servicePath: "/demo\n", port: "8080\n", backendExtra: "option httpclose\n" })).toBe("accepted");
});

test.each(everything)("refuses 65 kB in %s, certificates excepted", (name) => {
  const text = name === "reqPathSearchReplace" ? `a,${"b".repeat(65_537)}` : "/a".repeat(32_769);
  const isBoolean = !oneLine.includes(name) && name !== "users" && name !== "serviceCert";
  expect(refusal({ [name]: text }) === "accepted").toBe(isBoolean || name === "serviceCert");
});

test("refuses certificates above 1 MB, and what is no PEM text, without showing them", () => {
  expect(refusal({ serviceCert: "k".repeat(1024 * 1024 + 1) })).toBe("serviceCert is longer than 1024 kB");
  expect(refusal({ serviceCert: "secret\0" })).toBe("serviceCert is not PEM text");
});

test("users' passwords are not shown", () => {
  expect(refusal({ users: "ann:se\0cret" })).toBe("the password of user ann must not contain control characters");
  expect(refusal({ users: "a\0nn:secret" })).toBe('users "a\\u0000nn" must not contain control characters');
});

test("a redirect needs a domain to lead to", () => {
  expect(refusal({ redirectFromDomain: "old.com" })).toBe(
    "redirectFromDomain needs serviceDomain, to which it redirects",
  );
  expect(refusal({ redirectFromDomain: "old.com", serviceDomain: "*.x.com,x.com" })).toBe(
    'redirectFromDomain redirects to the first serviceDomain, which must not be "*.x.com"',
  );
  expect(refusal({ "redirectFromDomain.1": "old.com", "port.1": "1" })).toBe(
    "redirectFromDomain.1 needs serviceDomain.1, to which it redirects",
  );
  expect(refusal({ redirectFromDomain: "old.com", serviceDomain: "x.com" })).toBe("accepted");
});

test("destinations after the first must not break the config either", () => {
  expect(refusal({ servicePath: "", "servicePath.1": "/", "port.1": "1", "port.2": "2" })).toBe(
    "servicePath.2 or serviceDomain.2 is mandatory with reqMode http",
  );
  expect(refusal({ "port.1": "1", "port.2": "2", "reqMode.2": "tcp" })).toBe("srcPort.2 is mandatory with reqMode tcp");
  expect(refusal({ port: "", "port.1": "1", "servicePath.2": "/", "reqMode.2": "tcp", "srcPort.2": "2" })).toBe(
    "port.2 is mandatory with reqMode tcp",
  );
  expect(
    refusal({ servicePath: "", "port.1": "1", "serviceDomain.1": "*.a.com", reqMode: "sni", srcPort: "443" }),
  ).toBe("servicePath.1 is mandatory with reqMode sni: the names that clients ask for");
});

test("domains are expressions where the algorithm takes expressions", () => {
  const domain = { serviceDomain: "^(www|api)[.]x[.]com$" };
  expect(refusal({ ...domain, serviceDomainAlgo: "hdr_reg(host)" })).toBe("accepted");
  expect(refusal(domain, { serviceDomainAlgo: "hdr_reg(host)" })).toBe("accepted");
  expect(refusal(domain)).toBe('serviceDomain "^(www|api)[.]x[.]com$" must be a host name, with * in front or not');
  expect(refusal({ ...domain, serviceDomainAlgo: "hdr_reg(host)", serviceCert: "x" })).toBe(
    'serviceCert needs a host name as first serviceDomain, which names its file, not "^(www|api)[.]x[.]com$"',
  );
});

test("templates may be kept to certain folders", () => {
  const templateFolders = ["/cfg/tmpl", "/templates/"];
  expect(refusal({ templateFePath: "/cfg/tmpl/a/fe.tmpl" }, { templateFolders })).toBe("accepted");
  expect(refusal({ templateFePath: "/templates/fe.tmpl" }, { templateFolders })).toBe("accepted");
  expect(refusal({ templateFePath: "/cfg/tmpl-of-others/fe.tmpl" }, { templateFolders })).toBe(
    'templateFePath "/cfg/tmpl-of-others/fe.tmpl" must be in /cfg/tmpl or /templates/',
  );
});
