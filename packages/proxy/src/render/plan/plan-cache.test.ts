import fc from "fast-check";
import { expect, test } from "vitest";
import { render } from "../render.ts";
import { inputOf, service, settingsWith } from "../test-input.ts";
import { rememberPlans } from "./plan-cache.ts";
import { planService } from "./service-plan.ts";

// names that are the same ACL or backend when put together, users of both kinds, every mode, and one that has no place
const pool = [
  "serviceName=a&servicePath=/a&port=123",
  "serviceName=a1&servicePath=/a1&port=23",
  "serviceName=a12&servicePath=/x,/y&port=3&serviceDomain=a.example.com",
  "serviceName=b&aclName=a&servicePath=/b&port=123&users=u:p",
  "serviceName=c&servicePath=/c&port=80&httpsPort=443&outboundHostname=a",
  "serviceName=d&reqMode=tcp&srcPort=5432&port=5432",
  "serviceName=e&reqMode=tcp&srcPort=5432&port=5433",
  "serviceName=f&reqMode=sni&srcPort=443&port=443&serviceDomain=f.example.com",
  "serviceName=g&servicePath.1=/g&port.1=80&servicePath.2=/h&port.2=81&sessionType=sticky-server",
  "serviceName=h&reqMode=tcp&srcPort=80&port=80",
].map((query) => service(query));

const settings = [settingsWith({}), settingsWith({ services: { discoveryType: "VIP" } })];
const addresses = fc.subarray(["10.0.0.1", "10.0.0.2", "10.0.0.3"]);
const hosts = ["a", "b", "g"];
const step = fc.record({
  services: fc.subarray(pool),
  settings: fc.constantFrom(...settings),
  tasks: fc
    .tuple(addresses, addresses, addresses)
    .map((lists) => new Map(lists.map((list, i) => [hosts[i] ?? "", list]))),
  idle: fc.subarray(hosts).map((names) => new Set(names)),
  snippets: fc.constantFrom(new Map(), new Map([["c", { backend: "backend own\n    mode http" }]])),
});

test("what is remembered is what would be planned anew", () => {
  fc.assert(
    fc.property(fc.array(step, { minLength: 2, maxLength: 8 }), (steps) => {
      const remembered = rememberPlans();
      for (const { services, ...changes } of steps) {
        const input = inputOf(services, changes);
        expect(render(input, remembered)).toEqual(render(input));
      }
    }),
    { numRuns: 200 },
  );
});

test("only what has changed is planned", () => {
  const planned: string[] = [];
  const remembered = rememberPlans((input, each, names) => {
    planned.push(each.serviceName);
    return planService(input, each, names);
  });
  const [first, second] = [
    service("serviceName=a&servicePath=/a&port=1"),
    service("serviceName=b&servicePath=/b&port=2"),
  ];
  render(inputOf([first, second]), remembered);
  render(inputOf([first, second]), remembered);
  expect(planned).toEqual(["a", "b"]);
  render(inputOf([first, second], { tasks: new Map([["b", ["10.0.0.1"]]]) }), remembered);
  expect(planned).toEqual(["a", "b", "b"]);
});
