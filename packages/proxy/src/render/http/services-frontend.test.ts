import { expect, test } from "vitest";
import { goDemo, renderServices, sectionOf, service, settingsWith } from "../test-input.ts";

type Changes = Parameters<typeof settingsWith>[0];
const frontend = (changes: Changes = {}, services = [goDemo], certificates: string[] = []) =>
  sectionOf(renderServices(services, { settings: settingsWith(changes), certificates }), "frontend services");
const binds = (...given: Parameters<typeof frontend>) => frontend(...given).filter((line) => line.startsWith("bind"));

test("it begins as the chapter shows it, and ends with the services' rules", () => {
  const lines = frontend();
  expect(lines.slice(0, 4)).toEqual(["frontend services", "bind *:80", "bind *:443", "mode http"]);
  expect(lines.slice(-2)).toEqual([
    "acl url_go-demo8080 path_beg /demo",
    "use_backend go-demo-be8080 if url_go-demo8080",
  ]);
});

test("clients' own X-Forwarded-For is not believed", () => {
  expect(frontend().slice(4, 6)).toEqual(["http-request del-header X-Forwarded-For", "option forwardfor"]);
});

test("services hear of TLS where there can be any", () => {
  const said = "http-request add-header X-Forwarded-Proto https if { ssl_fc }";
  expect(frontend()).not.toContain(said);
  expect(frontend({}, [goDemo], ["/certs/x.pem"])).toContain(said);
  expect(frontend({ frontend: { extra: ["bind *:8443 ssl crt /x.pem"] } })).toContain(said);
});

test("what a trusted proxy says of the client is kept", () => {
  expect(frontend({ frontend: { trustedProxies: ["10.0.0.0/8", "192.0.2.1"] } }).slice(4, 8)).toEqual([
    "acl trusted_proxy src 10.0.0.0/8 192.0.2.1",
    "http-request del-header X-Forwarded-For unless trusted_proxy",
    "http-request del-header X-Forwarded-Proto unless trusted_proxy",
    "option forwardfor",
  ]);
});

test("HTTP/1.1 needs a host, bodies may be limited, and only idempotent requests are repeated", () => {
  const lines = frontend({ driver: { maxBodyBytes: 1_000_000 } });
  expect(lines.filter((line) => /^http-request (deny|disable)/.test(line))).toEqual([
    "http-request deny deny_status 400 if !{ req.hdr(host) -m found } HTTP_1.1",
    "http-request deny deny_status 413 if { req.body_size gt 1000000 }",
    "http-request disable-l7-retry if !METH_GET !{ method OPTIONS TRACE PUT DELETE }",
  ]);
});

test("browsers are told to stay with TLS where the operator says so", () => {
  expect(frontend({ frontend: { hsts: "max-age=31536000; includeSubDomains" } })).toContain(
    "http-response set-header Strict-Transport-Security 'max-age=31536000; includeSubDomains' if { ssl_fc }",
  );
});

test("certificates are on the ports that ask for them, as soon as there are some", () => {
  const certificate = ["/certs/x.pem"];
  expect(binds({}, [goDemo], certificate)).toEqual([
    "bind *:80",
    "bind *:443 ssl crt-list /cfg/crt-list.txt alpn h2,http/1.1",
  ]);
  expect(binds({ tls: { http2: false, caFile: "/certs/ca.pem" } }, [goDemo], certificate)[1]).toBe(
    "bind *:443 ssl crt-list /cfg/crt-list.txt alpn http/1.1 ca-file /certs/ca.pem verify optional",
  );
  expect(binds({ tls: { caFile: "/certs/ca.pem" } })[1]).toBe("bind *:443");
});

test("the list of certificates has one a line; the operator's own is used as it is", () => {
  const certificates = ["/certs/b.pem", "/certs/a.pem"];
  expect([...renderServices([], { certificates }).files]).toEqual([
    ["/cfg/crt-list.txt", "/certs/b.pem\n/certs/a.pem\n"],
  ]);
  const settings = settingsWith({ tls: { crtListPath: "/mine.txt" } });
  expect(renderServices([], { settings, certificates }).files.size).toBe(0);
  expect(binds({ tls: { crtListPath: "/mine.txt" } })[1]).toBe("bind *:443 ssl crt-list /mine.txt alpn h2,http/1.1");
});

test("a certificate more is no change of the structure", () => {
  const one = renderServices([goDemo], { certificates: ["/certs/a.pem"] });
  const two = renderServices([goDemo], { certificates: ["/certs/a.pem", "/certs/b.pem"] });
  expect(two.structure).toBe(one.structure);
});

test("ports have what else the operator writes on their lines", () => {
  const defaultPorts = [{ port: "443", options: "accept-proxy", ssl: true }];
  const bindPorts = [{ port: "8000-8010", options: "", ssl: false }];
  expect(binds({ frontend: { defaultPorts, bindPorts } }, [goDemo], ["/certs/x.pem"])).toEqual([
    "bind *:443 accept-proxy ssl crt-list /cfg/crt-list.txt alpn h2,http/1.1",
    "bind *:8000-8010",
  ]);
});

test("more ports have certificates too where they ask for them, as soon as there are some", () => {
  const bindPorts = [
    { port: "8443", options: "", ssl: true },
    { port: "8080", options: "", ssl: false },
  ];
  expect(binds({ frontend: { bindPorts } })).toEqual(["bind *:80", "bind *:443", "bind *:8443", "bind *:8080"]);
  expect(binds({ frontend: { bindPorts } }, [goDemo], ["/certs/x.pem"]).slice(2)).toEqual([
    "bind *:8443 ssl crt-list /cfg/crt-list.txt alpn h2,http/1.1",
    "bind *:8080",
  ]);
});

test("the operator's lines stand before the services' rules, captures too", () => {
  const lines = frontend({
    frontend: { extra: ["http-request deny if { path /x }"], captures: [{ name: "Host", length: 64 }] },
  });
  const at = (line: string) => lines.indexOf(line);
  expect(at("http-request deny if { path /x }")).toBeGreaterThan(at("option forwardfor"));
  expect(at("capture request header Host len 64")).toBeGreaterThan(at("http-request deny if { path /x }"));
  expect(at("capture request header Host len 64")).toBeLessThan(at("acl url_go-demo8080 path_beg /demo"));
});

test("in mode tcp it has nothing of HTTP", () => {
  expect(frontend({ frontend: { mode: "tcp" } })).toEqual([
    "frontend services",
    "bind *:80",
    "bind *:443",
    "mode tcp",
    "acl url_go-demo8080 path_beg /demo",
    "use_backend go-demo-be8080 if url_go-demo8080",
  ]);
});

test("without services there is a dummy that connects to nobody", () => {
  const rendered = renderServices([]);
  expect(sectionOf(rendered, "frontend services").slice(-2)).toEqual([
    "acl url_dummy path_beg /dummy",
    "use_backend dummy-be if url_dummy",
  ]);
  expect(sectionOf(rendered, "backend dummy-be")).toEqual([
    "backend dummy-be",
    "mode http",
    "server dummy 1.1.1.1:1111 check disabled",
  ]);
  expect(renderServices([service("serviceName=a&servicePath=/&port=1")]).config).not.toContain("dummy");
});
