import fc from "fast-check";
import { expect, test } from "vitest";
import { goDemo, renderServices, service } from "./test-input.ts";

const services = [
  goDemo,
  ...[
    "serviceName=a&port=123&servicePath=/a",
    "serviceName=a1&port=23&servicePath=/b&users=ann:x",
    "serviceName=default&aclName=a&port=123&serviceDomain=x.com",
    "serviceName=redis&reqMode=tcp&srcPort=6379&port=6379",
    "serviceName=vip&servicePath=/&port=80&discoveryType=VIP",
    "serviceName=other&reqMode=tcp&srcPort=7000&port=1&serviceGroup=g",
    "serviceName=another&reqMode=tcp&srcPort=7000&port=1&serviceGroup=g",
    "serviceName=thief&reqMode=sni&srcPort=6379&port=1&servicePath=x.com",
  ].map((query) => service(query)),
];

test("the order in which services and tasks are given does not matter", () => {
  const addresses = ["10.0.1.5", "10.0.1.6", "10.0.1.12"];
  const inOrder = renderServices(services, { tasks: new Map([["go-demo", addresses]]) });
  fc.assert(
    fc.property(
      fc.shuffledSubarray(services, { minLength: services.length }),
      fc.shuffledSubarray(addresses, { minLength: addresses.length }),
      (shuffled, tasks) => {
        expect(renderServices(shuffled, { tasks: new Map([["go-demo", tasks]]) })).toEqual(inOrder);
      },
    ),
    { numRuns: 50 },
  );
});

test("names of sections are given once", () => {
  const { config } = renderServices(services);
  const backends = config.match(/^(backend|listen|userlist) .*$/gm) ?? [];
  const frontends = config.match(/^(frontend|listen) .*$/gm) ?? [];
  expect(new Set(backends).size).toBe(backends.length);
  expect(new Set(frontends).size).toBe(frontends.length);
});

test("the generation is no part of the structure", () => {
  const one = renderServices(services, { generation: 1 });
  const two = renderServices(services, { generation: 2 });
  expect(two.config).toBe(one.config.replace("setenv DF_GENERATION 1", "setenv DF_GENERATION 2"));
  expect(two.structure).toBe(one.structure);
});

test("the config is made of sections with a blank line between them, and ends with a newline", () => {
  const { config } = renderServices([goDemo]);
  const sections = config.split("\n\n");
  expect(sections.map((section) => section.split("\n")[0])).toEqual([
    "global",
    "resolvers docker",
    "defaults",
    "frontend services",
    "frontend internal",
    "backend go-demo-be8080",
  ]);
  for (const section of sections) expect(section.trimEnd()).toMatch(/^[^ ].*(\n {4}[^ ].*)+$/);
  expect(config).toMatch(/[^\n]\n$/);
});

test("each service's lines are due to it", () => {
  const rendered = renderServices(services);
  const lines = rendered.config.split("\n");
  for (const { serviceName } of services) {
    const due = rendered.blame.filter((each) => each.serviceName === serviceName);
    expect(due.flatMap(({ from, to }) => lines.slice(from - 1, to)).length).toBeGreaterThan(0);
    for (const { from, to } of due) expect(from).toBeLessThanOrEqual(to);
  }
  const due = rendered.blame.filter(({ serviceName }) => serviceName === "go-demo");
  expect(due.flatMap(({ from, to }) => lines.slice(from - 1, to))).toEqual([
    "    acl url_go-demo8080 path_beg /demo",
    "    use_backend go-demo-be8080 if url_go-demo8080",
    "backend go-demo-be8080",
    "    mode http",
    "    server go-demo go-demo:8080",
  ]);
});

test("a service that cannot be in the config is left out, with an alert in its place", () => {
  const bad = { ...goDemo, serviceName: 'b"ad\n' };
  const rendered = renderServices([bad, ...services]);
  expect(rendered.refused.get('b"ad\n')).toBe(
    'serviceName "b\\"ad\\n": a name has letters, digits, "-", "_", "." and ":" only',
  );
  const alert = `.alert 'service b"ad?: serviceName "b\\"ad\\n": a name has letters, digits, "-", "_", "." and ":" only'\n`;
  expect(rendered.config).toContain(alert);
  expect(rendered.config.replace(`${alert}\n`, "")).toBe(renderServices(services).config);
});

test("a service does not listen where the proxy does", () => {
  const internal = service("serviceName=x&reqMode=tcp&srcPort=8403&port=1");
  expect(renderServices([internal]).refused.get("x")).toBe("srcPort 8403: the port belongs to frontend internal");
});
