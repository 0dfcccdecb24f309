import { expect, test } from "vitest";
import { goDemo, renderServices, rulesOf, sectionOf, service, settingsWith } from "../test-input.ts";

const render = (...queries: string[]) => renderServices(queries.map((query) => service(query)));
const redis = "serviceName=redis&reqMode=tcp&srcPort=16379&port=6379";

test("a tcp service has a frontend on its source port, and a backend", () => {
  const rendered = render(`${redis}&timeoutClient=30&clitcpka=true&timeoutServer=40&checkTcp=true`);
  expect(sectionOf(rendered, "frontend tcpFE_16379")).toEqual([
    "frontend tcpFE_16379",
    "bind *:16379",
    "mode tcp",
    "timeout client 30s",
    "option clitcpka",
    "default_backend redis-be6379",
  ]);
  expect(sectionOf(rendered, "backend redis-be6379")).toEqual([
    "backend redis-be6379",
    "mode tcp",
    "option tcp-check",
    "timeout server 40s",
    "server redis redis:6379 check",
  ]);
});

test("tcp services on one port share its frontend, with the first one's timeout, and are told apart by domains", () => {
  const rendered = render(
    "serviceName=b&reqMode=tcp&srcPort=7000&port=1&serviceDomain=b.com&timeoutClient=9",
    "serviceName=a&reqMode=tcp&srcPort=7000&port=1&serviceDomain=a.com,*.c.com&timeoutClient=5",
  );
  expect(sectionOf(rendered, "frontend tcpFE_7000")).toEqual([
    "frontend tcpFE_7000",
    "bind *:7000",
    "mode tcp",
    "timeout client 5s",
    "tcp-request inspect-delay 5s",
    "tcp-request content accept if HTTP",
    "acl domain_a1 hdr_beg(host) -i a.com",
    "acl domain_a1 hdr_end(host) -i .c.com",
    "use_backend a-be1 if domain_a1",
    "acl domain_b1 hdr_beg(host) -i b.com",
    "use_backend b-be1 if domain_b1",
  ]);
});

test("a tcp service's destinations have a frontend for each port, and a backend each", () => {
  const rendered = render("serviceName=mq&reqMode=tcp&srcPort.1=5672&port.1=5672&srcPort.2=15672&port.2=15672");
  expect(sectionOf(rendered, "frontend tcpFE_5672").at(-1)).toBe("default_backend mq-be5672_1");
  expect(sectionOf(rendered, "frontend tcpFE_15672").at(-1)).toBe("default_backend mq-be15672_2");
  expect(sectionOf(rendered, "backend mq-be15672_2")).toEqual([
    "backend mq-be15672_2",
    "mode tcp",
    "server mq mq:15672",
  ]);
});

test("a tcp service's domains are told by its own algorithm, once the client has said what it looks at", () => {
  const rendered = render(
    "serviceName=db&reqMode=tcp&srcPort=7000&port=1&serviceDomain=a.com,b.com&serviceDomainAlgo=req.ssl_sni",
  );
  expect(sectionOf(rendered, "frontend tcpFE_7000").slice(3)).toEqual([
    "tcp-request inspect-delay 5s",
    "tcp-request content accept if { req_ssl_hello_type 1 }",
    "acl domain_db1 req.ssl_sni -i a.com b.com",
    "use_backend db-be1 if domain_db1",
  ]);
});

test("a wildcard is looked for where the algorithm looks", () => {
  const rendered = render(
    "serviceName=db&reqMode=tcp&srcPort=7000&port=1&serviceDomain=a.com,*.b.com&serviceDomainAlgo=req.ssl_sni",
  );
  expect(sectionOf(rendered, "frontend tcpFE_7000").slice(5, 7)).toEqual([
    "acl domain_db1 req.ssl_sni -i a.com",
    "acl domain_db1 req.ssl_sni -i -m end .b.com",
  ]);
});

test("a service may be tcp and http at once, on one port of its own and on the proxy's", () => {
  const rendered = render("serviceName=s&servicePath.1=/s&port.1=80&reqMode.2=tcp&srcPort.2=7000&port.2=7000");
  expect(rulesOf(rendered)).toEqual(["acl url_s80_1 path_beg /s", "use_backend s-be80_1 if url_s80_1"]);
  expect(sectionOf(rendered, "frontend tcpFE_7000").at(-1)).toBe("default_backend s-be7000_2");
  expect(sectionOf(rendered, "frontend services")).toContain("bind *:80");
});

test("sni services on one port share its frontend, in the order of their aclNames, with the first one's timeout", () => {
  const rendered = render(
    "serviceName=b&reqMode=sni&srcPort=444&port=1&servicePath=b.com&timeoutClient=9",
    "serviceName=a&reqMode=sni&srcPort=444&port=1&servicePath=a.com&timeoutClient=5",
    "serviceName=c&reqMode=sni&srcPort=445&port=1&servicePath=c.com",
    "serviceName=web&servicePath=/&port=80",
  );
  expect(sectionOf(rendered, "frontend service_444").filter((line) => /^(timeout|use_backend)/.test(line))).toEqual([
    "timeout client 5s",
    "use_backend a-be1 if sni_a1-1 srcPort_a444",
    "use_backend b-be1 if sni_b1-1 srcPort_b444",
  ]);
  expect(sectionOf(rendered, "frontend service_445").at(-1)).toBe("use_backend c-be1 if sni_c1-1 srcPort_c445");
  expect(rulesOf(rendered).at(-1)).toBe("use_backend web-be80 if url_web80");
});

test("frontends are in the order of their ports", () => {
  const { config } = render(
    redis,
    "serviceName=db&reqMode=tcp&srcPort=5432&port=5432",
    "serviceName=s&reqMode=sni&srcPort=444&port=443&servicePath=s.com",
  );
  expect(config.match(/^frontend (tcp|service_).*$/gm)).toEqual([
    "frontend tcpFE_5432",
    "frontend tcpFE_16379",
    "frontend service_444",
  ]);
});

test("an sni service is found by the name that the client asks for", () => {
  const rendered = render(
    "serviceName=svc&aclName=mine&reqMode=sni&srcPort=444&port=9443&servicePath=a.com,b.com&pathType=req_ssl_sni -i" +
      "&timeoutClient=7&clitcpka=true",
  );
  expect(sectionOf(rendered, "frontend service_444")).toEqual([
    "frontend service_444",
    "bind *:444",
    "mode tcp",
    "timeout client 7s",
    "option clitcpka",
    "tcp-request inspect-delay 5s",
    "tcp-request content accept if { req_ssl_hello_type 1 }",
    "acl sni_mine9443-1 req_ssl_sni -i a.com req_ssl_sni -i b.com",
    "acl srcPort_mine444 dst_port 444",
    "use_backend mine-be9443 if sni_mine9443-1 srcPort_mine444",
  ]);
  expect(sectionOf(rendered, "backend mine-be9443")).toEqual([
    "backend mine-be9443",
    "mode tcp",
    "server svc svc:9443",
  ]);
});

test("an sni service's destinations are counted from 1, and its domains will do for names", () => {
  const rendered = render(
    "serviceName=svc&reqMode=sni&srcPort=444&servicePath.1=a.com&port.1=1&servicePath.2=/&serviceDomain.2=b.com,*.b.com&port.2=2",
  );
  expect(sectionOf(rendered, "frontend service_444").slice(5)).toEqual([
    "acl sni_svc1-1 req_ssl_sni -i a.com",
    "acl srcPort_svc444_1 dst_port 444",
    "use_backend svc-be1_1 if sni_svc1-1 srcPort_svc444_1",
    "acl sni_svc2-2 req_ssl_sni -i b.com",
    "acl sni_svc2-2 req_ssl_sni -i -m end .b.com",
    "acl srcPort_svc444_2 dst_port 444",
    "use_backend svc-be2_2 if sni_svc2-2 srcPort_svc444_2",
  ]);
});

test("services of one group share a section, and each of their tasks is a server of it", () => {
  const query = (name: string) =>
    `serviceName=${name}&reqMode=tcp&srcPort=11883&port=1883&serviceGroup=g1&balanceGroup=leastconn&checkTcp=true`;
  const services = [
    service(`${query("mqtt")}&timeoutServer=20&timeoutClient=10&clitcpka=true`),
    service(query("other")),
  ];
  const rendered = renderServices(services, { tasks: new Map([["mqtt", ["10.0.0.6", "10.0.0.5"]]]) });
  expect(sectionOf(rendered, "listen tcpListen_g1_11883")).toEqual([
    "listen tcpListen_g1_11883",
    "bind *:11883",
    "mode tcp",
    "option clitcpka",
    "option tcp-check",
    "timeout client 10s",
    "timeout server 20s",
    "balance leastconn",
    "server g1-mqtt1883 mqtt:1883 check",
    "server g1-mqtt1883_10.0.0.5 10.0.0.5:1883 check no-backup",
    "server g1-mqtt1883_10.0.0.6 10.0.0.6:1883 check no-backup",
    "server g1-other1883 other:1883 check",
  ]);
  expect(rendered.config).not.toMatch(/^backend (mqtt|other)/m);
  expect(rendered.servers).toEqual([
    {
      backend: "tcpListen_g1_11883",
      name: "g1-mqtt1883_10.0.0.5",
      address: "10.0.0.5:1883",
      options: "check",
    },
    {
      backend: "tcpListen_g1_11883",
      name: "g1-mqtt1883_10.0.0.6",
      address: "10.0.0.6:1883",
      options: "check",
    },
  ]);
});

test("the tasks of a group that is balanced statically are part of the structure", () => {
  const query = "serviceName=a&reqMode=tcp&srcPort=7000&port=1&serviceGroup=g&balanceGroup=source";
  const rendered = renderServices([service(query)], { tasks: new Map([["a", ["10.0.0.5"]]]) });
  expect(rendered.servers).toEqual([]);
  expect(rendered.structure).toContain("server g-a1_10.0.0.5 10.0.0.5:1 no-backup");
});

test("the default ports stay closed while no service speaks http", () => {
  const bindPorts = [{ port: "85", options: "", ssl: false }];
  const binds = (services: Parameters<typeof renderServices>[0]) =>
    sectionOf(
      renderServices(services, { settings: settingsWith({ frontend: { bindPorts } }) }),
      "frontend services",
    ).filter((line) => line.startsWith("bind"));
  expect(binds([])).toEqual(["bind *:80", "bind *:443", "bind *:85"]);
  expect(binds([service(redis)])).toEqual(["bind *:85"]);
  expect(binds([service(redis), goDemo])).toEqual(["bind *:80", "bind *:443", "bind *:85"]);
});

test("connections are logged while the proxy is debugged, in a format of the operator's with tcp", () => {
  const settings = settingsWith({ log: { debug: true, tcpFormat: "%ci %b" } });
  const sni = service("serviceName=s&reqMode=sni&srcPort=444&port=1&servicePath=s.com");
  const rendered = renderServices([service(redis), sni], { settings });
  expect(sectionOf(rendered, "frontend tcpFE_16379").slice(3, 6)).toEqual([
    "option tcplog",
    "log global",
    "log-format '%ci %b'",
  ]);
  expect(sectionOf(rendered, "frontend service_444").slice(3, 6)).toEqual([
    "option tcplog",
    "log global",
    "tcp-request inspect-delay 5s",
  ]);
});

test("a port that belongs to another section is refused, and the others keep it", () => {
  const tls = "serviceName=tls&reqMode=sni&srcPort=443&port=1&servicePath=x.com";
  const mix = "serviceName=zip&reqMode=sni&srcPort=16379&port=1&servicePath=x.com";
  const rendered = render(redis, tls, mix, "serviceName=web&servicePath=/&port=1");
  expect([...rendered.refused]).toEqual([
    ["tls", "srcPort 443: the port belongs to frontend services"],
    ["zip", "srcPort 16379: the port belongs to frontend tcpFE_16379 of service redis"],
  ]);
  expect(rendered.config.split("\n").filter((line) => line.startsWith(".alert"))).toEqual([
    ".alert 'service tls: srcPort 443: the port belongs to frontend services'",
    ".alert 'service zip: srcPort 16379: the port belongs to frontend tcpFE_16379 of service redis'",
  ]);
  const last = rendered.config.split("\n").length - 1;
  expect(rendered.blame.filter(({ to }) => to === last).map(({ serviceName }) => serviceName)).toEqual([
    "zip",
    "redis",
  ]);
});

test("443 is for sni services when the operator takes it from http", () => {
  const settings = settingsWith({ frontend: { defaultPorts: [{ port: "80", options: "", ssl: false }] } });
  const tls = service("serviceName=tls&reqMode=sni&srcPort=443&port=1&servicePath=x.com");
  const { refused, config } = renderServices([tls, goDemo], { settings });
  expect([...refused]).toEqual([]);
  expect(config.match(/bind \*:\d+/g)).toEqual(["bind *:80", "bind *:443"]);
});

test("clients speak the PROXY protocol on ports where the operator says so", () => {
  const settings = settingsWith({ frontend: { acceptProxyPorts: [443, 16_379] } });
  expect(renderServices([goDemo, service(redis)], { settings }).config.match(/bind \*.*/g)).toEqual([
    "bind *:80",
    "bind *:443 accept-proxy",
    "bind *:16379 accept-proxy",
  ]);
});
