import { expect, test } from "vitest";
import { environmentNameOf, servicesOfEnvironment } from "./environment-services.ts";
import { destinationParameters, type Parameter, serviceParameters } from "./parameters.ts";
import { defaultParseContext, type ParseContext } from "./parse-context.ts";

const read = (env: Record<string, string>, context: Partial<ParseContext> = {}) =>
  servicesOfEnvironment(env, { ...defaultParseContext, ...context });

/** `name: index path port, ...` */
const summary = (env: Record<string, string>) =>
  read(env).services.map(
    ({ serviceName, destinations }) =>
      `${serviceName}: ${destinations.map(({ index, servicePath, port }) => `${index} ${servicePath} ${port}`).join(", ")}`,
  );

test("without a name there is no service", () => {
  expect(read({ DFP_SERVICE_PORT: "80", DFP_SERVICE_SERVICE_PATH: "/", DFP_SERVICE_2_SERVICE_NAME: "two" })).toEqual({
    services: [],
    problems: [],
  });
});

test("one service has no number", () => {
  const env = {
    DFP_SERVICE_SERVICE_NAME: "go-demo",
    DFP_SERVICE_SERVICE_PATH: "/demo,/x",
    DFP_SERVICE_PORT: "8080",
    DFP_SERVICE_ACL_NAME: "05",
    DFP_SERVICE_ADD_REQ_HEADER: "X-A 1",
    DFP_SERVICE_DISCOVERYTYPE: "DNS",
    DFP_SERVICE_REDIRECT_WHEN_HTTP_PROTO: "true",
    DFP_SERVICE_SERVICE_DOMAIN_MATCH_ALL: "true",
    DFP_SERVICE_SERVICE_DOMAIN: "x.com",
    DFP_SERVICE_REQ_PATH_SEARCH_REPLACE: "/a,/b:/c,/d",
    DFP_SERVICE_VERIFY_CLIENT_SSL: "true",
    DFP_SERVICE_USERS: "ann:a",
  };
  expect(read(env).problems).toEqual([]);
  expect(read(env).services).toMatchObject([
    {
      serviceName: "go-demo",
      aclName: "05",
      addReqHeader: ["X-A 1"],
      discoveryType: "DNS",
      redirectWhenHttpProto: true,
      serviceDomainAlgo: "hdr_dom(host)",
      replicas: undefined,
      users: [{ username: "ann", password: "a" }],
      destinations: [
        {
          index: 0,
          servicePath: ["/demo", "/x"],
          port: "8080",
          verifyClientSsl: true,
          rewrites: [
            { search: "/a", replace: "/b" },
            { search: "/c", replace: "/d" },
          ],
        },
      ],
    },
  ]);
});

const numbered = (number: number, name: string) => ({
  [`DFP_SERVICE_${number}_SERVICE_NAME`]: name,
  [`DFP_SERVICE_${number}_SERVICE_PATH`]: `/${name}`,
  [`DFP_SERVICE_${number}_PORT`]: `80${number}`,
});

test("several services are numbered from 1, up to the first gap, beside the one without number", () => {
  const one = { DFP_SERVICE_SERVICE_NAME: "zero", DFP_SERVICE_SERVICE_PATH: "/", DFP_SERVICE_PORT: "80" };
  expect(summary({ ...numbered(1, "one"), ...numbered(2, "two"), ...numbered(4, "four"), ...one })).toEqual([
    "zero: 0 / 80",
    "one: 0 /one 801",
    "two: 0 /two 802",
  ]);
});

test("indexed destinations have the index of their suffix, beside the one without suffix", () => {
  const indexed = {
    ...numbered(1, "one"),
    DFP_SERVICE_1_SERVICE_PATH_1: "/a",
    DFP_SERVICE_1_PORT_1: "9000",
    DFP_SERVICE_1_SERVICE_PATH_2: "/b",
    DFP_SERVICE_1_PORT_2: "9000",
    DFP_SERVICE_1_PORT_4: "9004",
    DFP_SERVICE_1_SERVICE_PATH_4: "/d",
  };
  expect(summary(indexed)).toEqual(["one: 0 /one 801, 1 /a 9000, 2 /b 9000"]);
  expect(summary({ ...indexed, DFP_SERVICE_1_PORT: "", DFP_SERVICE_1_SERVICE_PATH: "" })).toEqual([
    "one: 1 /a 9000, 2 /b 9000",
  ]);
});

test("an indexed destination needs a port and a path or a domain, of its own", () => {
  expect(summary({ ...numbered(1, "one"), DFP_SERVICE_1_PORT_1: "9000" })).toEqual(["one: 0 /one 801"]);
  expect(summary({ ...numbered(1, "one"), DFP_SERVICE_1_SERVICE_PATH_1: "/a" })).toEqual(["one: 0 /one 801"]);
  expect(
    summary({ ...numbered(1, "one"), DFP_SERVICE_1_SERVICE_DOMAIN_1: "x.com", DFP_SERVICE_1_PORT_1: "9000" }),
  ).toEqual(["one: 0 /one 801, 1 / 9000"]);
});

test("only the outbound host falls back to the value without suffix", () => {
  const env = {
    ...numbered(1, "one"),
    DFP_SERVICE_1_OUTBOUND_HOSTNAME: "acme.com",
    DFP_SERVICE_1_TIMEOUT_SERVER: "5",
    DFP_SERVICE_1_HTTPS_ONLY: "true",
    DFP_SERVICE_1_SERVICE_PATH_1: "/a",
    DFP_SERVICE_1_PORT_1: "9000",
  };
  expect(read(env).services[0]?.destinations).toMatchObject([
    { outboundHostname: "acme.com", timeoutServer: "5", httpsOnly: true },
    { outboundHostname: "acme.com", timeoutServer: "", httpsOnly: false },
  ]);
});

test("the mode is DEFAULT_PROTOCOL for the destination without suffix, http for the others", () => {
  const env = {
    ...numbered(1, "one"),
    DFP_SERVICE_1_SRC_PORT: "81",
    DFP_SERVICE_1_SERVICE_PATH_1: "/a",
    DFP_SERVICE_1_PORT_1: "9000",
  };
  const { services } = read(env, { environmentReqMode: "tcp" });
  expect(services[0]?.destinations.map(({ reqMode }) => reqMode)).toEqual(["tcp", "http"]);
});

test("the number of replicas counts when it is given", () => {
  const replicas = (text: string) =>
    read({ ...numbered(1, "one"), DFP_SERVICE_1_REPLICAS: text }).services[0]?.replicas;
  expect([replicas("3"), replicas("0"), replicas("")]).toEqual([3, 0, undefined]);
});

test("HTTPS_ONLY of the proxy and the separator hold here too", () => {
  const env = { ...numbered(1, "one"), DFP_SERVICE_1_SERVICE_PATH: "/a|/b" };
  expect(read(env, { httpsOnly: true, separator: "|" }).services[0]?.destinations).toMatchObject([
    { httpsOnly: true, servicePath: ["/a", "/b"] },
  ]);
});

test("a service that cannot be used is told of, and the others are used", () => {
  const env = { ...numbered(1, "one"), DFP_SERVICE_1_PORT: "http", ...numbered(2, "two") };
  expect(summary(env)).toEqual(["two: 0 /two 802"]);
  expect(read(env).problems).toEqual([
    {
      prefix: "DFP_SERVICE_1",
      serviceName: "one",
      message: 'port "http" must be a whole number from 1 to 65535',
    },
  ]);
});

test("every parameter has a name of its own in the environment", () => {
  const names = Object.entries<Parameter<unknown>>({ ...serviceParameters, ...destinationParameters }).map(
    ([name, parameter]) => environmentNameOf(name, parameter),
  );
  expect(new Set(names).size).toBe(64);
  expect(names).toEqual(expect.arrayContaining(["SRC_HTTPS_PORT", "DISCOVERYTYPE", "TEMPLATE_FE_PATH", "CLITCPKA"]));
});
