import { expect, test } from "vitest";
import type { ProxyService } from "../../service/index.ts";
import { goDemo, renderServices, sectionOf, service, settingsWith } from "../test-input.ts";

const query = "serviceName=svc&servicePath=/x&port=9001";
/** The lines of the backend after `mode http`, but for its server. */
const lines = (more: string, changes: Partial<ProxyService> = {}) =>
  sectionOf(renderServices([service(`${query}&${more}`, changes)]), "backend svc-be9001")
    .slice(2)
    .filter((line) => line !== "server svc svc:9001");

test("a plain service has three lines", () => {
  expect(sectionOf(renderServices([goDemo]), "backend go-demo-be8080")).toEqual([
    "backend go-demo-be8080",
    "mode http",
    "server go-demo go-demo:8080",
  ]);
});

test("each destination has a backend", () => {
  const { config } = renderServices([service("serviceName=svc&servicePath.1=/a&port.1=1&servicePath.2=/b&port.2=2")]);
  expect(config.match(/^backend svc.*$/gm)).toEqual(["backend svc-be1_1", "backend svc-be2_2"]);
});

test("an https port has a backend of its own, without what is for http only", () => {
  const rendered = renderServices([service(`${query}&httpsPort=9443&httpsOnly=true&denyHttp=true`)]);
  expect(sectionOf(rendered, "backend https-svc-be9443")).toEqual([
    "backend https-svc-be9443",
    "mode http",
    "server svc svc:9443",
  ]);
});

test("httpsOnly redirects, with the code that is asked for", () => {
  expect(lines("httpsOnly=true")).toEqual(["http-request redirect scheme https if !{ ssl_fc }"]);
  expect(lines("httpsOnly=true&httpsRedirectCode=301")).toEqual([
    "http-request redirect scheme https code 301 if !{ ssl_fc }",
  ]);
});

test("a connection mode is an option; what HAProxy has dropped is replaced", () => {
  expect(lines("connectionMode=http-server-close")).toEqual(["option http-server-close"]);
  expect(lines("connectionMode=forceclose")).toEqual(["option httpclose"]);
  expect(lines("connectionMode=http-tunnel")).toEqual(["option http-keep-alive"]);
});

test("requests are logged while the proxy is debugged", () => {
  const settings = settingsWith({ log: { debug: true } });
  expect(sectionOf(renderServices([goDemo], { settings }), "backend go-demo-be8080")[2]).toBe("log global");
});

test("headers are added, set and deleted in the original's order", () => {
  expect(
    lines(
      "addReqHeader=A 1&setReqHeader=B 2,C 3&addResHeader=D 4&setResHeader=E 5&delReqHeader=F&delResHeader=G if { ssl_fc }",
    ),
  ).toEqual([
    "http-request add-header A 1",
    "http-request set-header B 2",
    "http-request set-header C 3",
    "http-response add-header D 4",
    "http-response set-header E 5",
    "http-request del-header F",
    "http-response del-header G if { ssl_fc }",
  ]);
});

test("a header's value may be quoted, and may be a log format", () => {
  const value = encodeURIComponent('Strict-Transport-Security "max-age=16000000; includeSubDomains; preload;"');
  expect(lines(`setResHeader=${value}`)).toEqual([
    "http-response set-header Strict-Transport-Security 'max-age=16000000; includeSubDomains; preload;'",
  ]);
  expect(lines(`setReqHeader=${encodeURIComponent("X-Client %[src] if { src 10.0.0.0/8 }")}`)).toEqual([
    "http-request set-header X-Client %[src] if { src 10.0.0.0/8 }",
  ]);
  expect(lines(`setReqHeader=${encodeURIComponent("X-Share 100%")}`)).toEqual([
    "http-request set-header X-Share 100%%",
  ]);
});

test("timeouts are those of the destination", () => {
  expect(lines("timeoutServer=30&timeoutTunnel=1800")).toEqual(["timeout server 30s", "timeout tunnel 1800s"]);
});

const rewritten = (search: string, replace: string) => {
  const [destination] = service(query).destinations;
  return lines("", { destinations: destination ? [{ ...destination, rewrites: [{ search, replace }] }] : [] });
};

test("paths are rewritten by a regular expression", () => {
  expect(lines("reqPathSearchReplace=/x/,/y/")).toEqual(["http-request set-path %[path,regsub(/x/,/y/)]"]);
  expect(lines("reqPathSearch=/x/&reqPathReplace=/y/")).toEqual(["http-request set-path %[path,regsub(/x/,/y/)]"]);
  expect(lines("reqPathSearchReplace=/x/,")).toEqual(["http-request set-path %[path,regsub(/x/,)]"]);
});

test("an expression with parentheses, commas, quotes and backslashes stays one", () => {
  expect(rewritten("^/(a|b)/", "/")).toEqual([`http-request set-path "%[path,regsub('^/(a|b)/',/)]"`]);
  expect(rewritten("\\d,", "\\1")).toEqual([`http-request set-path "%[path,regsub('\\\\d,','\\\\1')]"`]);
  expect(rewritten("it's", "+&<>")).toEqual([`http-request set-path "%[path,regsub(\\"it's\\",+&<>)]"`]);
});

test("who has no certificate is refused", () => {
  expect(lines("verifyClientSsl=true")).toEqual([
    "acl valid_client_cert_svc9001 ssl_c_used ssl_c_verify 0",
    "http-request deny unless valid_client_cert_svc9001",
  ]);
});

test("methods are allowed and denied", () => {
  expect(lines("allowedMethods=GET,DELETE&deniedMethods=PUT")).toEqual([
    "acl valid_allowed_method method GET DELETE",
    "http-request deny unless valid_allowed_method",
    "acl valid_denied_method method PUT",
    "http-request deny if valid_denied_method",
  ]);
});

test("denyHttp refuses what is not encrypted", () => {
  expect(lines("denyHttp=true")).toEqual(["http-request deny if !{ ssl_fc }"]);
});

test("clients' addresses are allowed and denied", () => {
  expect(lines("allowedSrc=10.0.0.0/8&deniedSrc=10.1.2.3")).toEqual([
    "acl allowed_source src 10.0.0.0/8",
    "http-request deny unless allowed_source",
    "acl denied_source src 10.1.2.3",
    "http-request deny if denied_source",
  ]);
});

test("lines of the service's own are the last", () => {
  expect(
    sectionOf(renderServices([service(`${query}&backendExtra=option httpchk`)]), "backend svc-be9001").at(-1),
  ).toBe("option httpchk");
});

test("lines of the service's own stay in its backend", () => {
  const refused = (backendExtra: string) => [...renderServices([{ ...goDemo, backendExtra }]).refused];
  expect(refused("server x x:1\nbackend evil")).toEqual([
    ["go-demo", 'backendExtra "backend evil": not a line of a backend'],
  ]);
  expect(refused(".if 0")).toEqual([["go-demo", 'backendExtra ".if 0": not a line of a backend']]);
});

const bob = { username: "bob", password: "p+q'\"#", encrypted: false };
const ann = { username: "ann", password: "$6$salt$hash", encrypted: true };

test("the service's users are asked for their passwords", () => {
  const rendered = renderServices([service(query, { users: [ann, bob] })]);
  expect(sectionOf(rendered, "userlist svcUsers")).toEqual([
    "userlist svcUsers",
    "user ann password $6$salt$hash",
    `user bob insecure-password "p+q'\\"#"`,
  ]);
  expect(sectionOf(rendered, "backend svc-be9001").slice(2)).toEqual([
    "server svc svc:9001",
    "acl svcUsersAcl http_auth(svcUsers)",
    "http-request auth realm svcRealm if !svcUsersAcl",
    "http-request del-header Authorization",
  ]);
});

const withGlobalUsers = settingsWith({ users: [bob] });

test("the proxy's users are asked for theirs where a service has none", () => {
  const rendered = renderServices([service(query)], { settings: withGlobalUsers });
  expect(sectionOf(rendered, "userlist defaultUsers")).toHaveLength(2);
  expect(sectionOf(rendered, "backend svc-be9001").slice(3)).toEqual([
    "acl defaultUsersAcl http_auth(defaultUsers)",
    "http-request auth realm defaultRealm if !defaultUsersAcl",
    "http-request del-header Authorization",
  ]);
});

test("the service's users take the place of the proxy's", () => {
  const rendered = renderServices([service(query, { users: [ann] })], { settings: withGlobalUsers });
  expect(sectionOf(rendered, "backend svc-be9001").filter((line) => line.includes("auth"))).toEqual([
    "acl svcUsersAcl http_auth(svcUsers)",
    "http-request auth realm svcRealm if !svcUsersAcl",
  ]);
});

test("a destination may be open to all", () => {
  const more = "serviceName=svc&servicePath.1=/a&port.1=1&servicePath.2=/b&port.2=2&ignoreAuthorization.2=true";
  const rendered = renderServices([service(more, { users: [ann] })]);
  expect(sectionOf(rendered, "backend svc-be1_1")).toHaveLength(6);
  expect(sectionOf(rendered, "backend svc-be2_2")).toHaveLength(3);
});

test("when users are asked for and none is known nobody gets in", () => {
  const rendered = renderServices([service(query, { users: [] })]);
  expect(sectionOf(rendered, "userlist svcUsers")).toEqual(["userlist svcUsers"]);
  expect(sectionOf(rendered, "backend svc-be9001")).toContain("http-request auth realm svcRealm if !svcUsersAcl");
});

test("a service called default does not share the proxy's users", () => {
  const named = service("serviceName=default&servicePath=/x&port=1", { users: [ann] });
  expect(sectionOf(renderServices([named], { settings: withGlobalUsers }), "backend default-be1")).toContain(
    "acl defaultUsersAcl http_auth(defaultUsers.2)",
  );
});
