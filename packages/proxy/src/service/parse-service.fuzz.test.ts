import fc from "fast-check";
import { expect, test } from "vitest";
import { haproxyWords } from "./haproxy-words.ts";
import { ParameterError } from "./parameter-error.ts";
import { destinationParameters, serviceParameters } from "./parameters.ts";
import { defaultParseContext, type ParseContext } from "./parse-context.ts";
import { parseService } from "./parse-service.ts";
import { hasControl } from "./plain-text.ts";
import type { ProxyService } from "./service.ts";
import { answerText, serviceJson } from "./wire.ts";

const context: ParseContext = {
  ...defaultParseContext,
  globalUsers: [{ username: "ann", password: "secret", encrypted: true }],
  readSecret: (name) => (name.length % 2 === 0 ? "ann:a\nbob:b" : undefined),
};

/** Undefined when it is refused; anything thrown but ParameterError is a bug. */
function parse(parameters: URLSearchParams): ProxyService | undefined {
  try {
    return parseService(parameters, context);
  } catch (error) {
    if (error instanceof ParameterError) return undefined;
    throw error;
  }
}

const names = [...Object.keys(serviceParameters), ...Object.keys(destinationParameters)];
const name = fc.oneof(
  fc
    .tuple(fc.constantFrom(...names), fc.constantFrom("", ".1", ".2", ".3", ".10", ".11"))
    .map((parts) => parts.join("")),
  fc.constantFrom("addHeader", "setHeader", "SERVICENAME", "servicepath", "__proto__", "constructor", "toString"),
  fc.string(),
);

const injection = "\n    server evil 192.0.2.1:80\nbackend evil";
const text = fc.oneof(
  fc.constantFrom(
    "",
    "true",
    "false",
    "0",
    "80",
    "8080",
    "65536",
    "-1",
    "/",
    "/a,/b",
    "x.com",
    "*.x.com",
    ",",
    ":",
    "a,b:c,d",
  ),
  fc.constantFrom("tcp", "SNI", "X-A 1", 'X-A "1, 2"', "X-A", "backend evil", "option httpclose", "$\\", "'", '"', "#"),
  fc.constantFrom(injection, `/x${injection}`, `X-A 1${injection}`, `8080${injection}`, "a\r\nb", "a\0b", "a\u0085b"),
  fc.string({ unit: "binary" }),
  fc.string({ unit: "grapheme" }),
);

const anyQuery = fc.array(fc.tuple(name, text), { maxLength: 20 });
/** Mostly whole, so that what comes after the first checks is reached. */
const query: fc.Arbitrary<[string, string][]> = fc
  .tuple(anyQuery, fc.boolean())
  .map(([pairs, whole]) =>
    whole ? [...pairs, ["serviceName", "s"], ["servicePath", "/"], ["port", "80"], ["srcPort", "80"]] : pairs,
  );

/** All texts in a value, those of certificates excepted: only there may lines end. */
const textsIn = (value: unknown): string[] => {
  if (typeof value === "string") return [value];
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, part]) => (key === "serviceCert" ? [] : [key, ...textsIn(part)]));
};

test("any parameters give a service or are refused, and no control character gets into a service", () => {
  fc.assert(
    fc.property(query, (pairs) => {
      const service = parse(new URLSearchParams(pairs));
      if (service === undefined) return;
      expect(textsIn(service).filter(hasControl)).toEqual([]);
      expect(service.serviceName).toMatch(/^\w[\w.:-]*$/);
      expect(service.destinations.length).toBeGreaterThan(0);
    }),
    { numRuns: 5000 },
  );
});

test("raw lines stay in their backend", () => {
  const line = fc.oneof(
    fc.string({ unit: fc.constantFrom("backend", "global", " ", '"', "'", "\\", "x62", "a", "#", "$", "{", ".") }),
    fc.string(),
  );
  fc.assert(
    fc.property(line, (backendExtra) => {
      const service = parse(new URLSearchParams({ serviceName: "s", servicePath: "/", port: "80", backendExtra }));
      const [first = "none"] = haproxyWords(service?.backendExtra ?? "") ?? ["unclosed quote"];
      expect(first).toMatch(/^(?!(global|backend)$)[a-z][\w.-]*$/);
    }),
    { numRuns: 3000 },
  );
});

test("the same parameters in another order, or sent on once more, give the same service", () => {
  fc.assert(
    fc.property(query, fc.nat(), (pairs, turn) => {
      const parameters = new URLSearchParams([...new Map(pairs.map(([key = "", value = ""]) => [key, value]))]);
      const entries = [...parameters];
      const distinctNames = new Set(entries.map(([key]) => key.toLowerCase()));
      if (distinctNames.size < entries.length) return;
      const at = entries.length === 0 ? 0 : turn % entries.length;
      const turned = new URLSearchParams([...entries.slice(at), ...entries.slice(0, at)]);
      expect(parse(turned)).toEqual(parse(parameters));
      expect(parse(new URLSearchParams(parameters.toString()))).toEqual(parse(parameters));
    }),
    { numRuns: 2000 },
  );
});

test("every service can be told as JSON that reads back as itself, without its secrets when redacted", () => {
  fc.assert(
    fc.property(query, (pairs) => {
      const service = parse(new URLSearchParams([...pairs, ["users", "eve:P4ssw0rd"], ["serviceCert", "K3y"]]));
      if (service === undefined) return;
      expect(JSON.parse(answerText(200, "", service))).toMatchObject({ ServiceName: service.serviceName });
      expect(Object.keys(serviceJson(service))).toHaveLength(38);
      const redacted = answerText(200, "", service, { redact: true });
      for (const { password } of service.users ?? [])
        if (password === "P4ssw0rd") expect(redacted).not.toContain(password);
      if (service.serviceCert === "K3y") expect(redacted).not.toContain("K3y");
    }),
    { numRuns: 2000 },
  );
});
