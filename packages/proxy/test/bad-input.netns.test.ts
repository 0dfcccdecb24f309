import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { testCertificate } from "../src/certificates/test-certificates.ts";
import { foreignLines, hostileValues, parameterNames, refusedQueries } from "./hostile-values.ts";
import { ProxyScene } from "./proxy-scene.ts";
import { type ControlReply, WireClient } from "./wire-client.ts";

// Whatever comes in, on port 80 or by the control API, or is wrong around the proxy: there is an answer, nothing but what was asked
// for reaches a service, and what was live stays so.

const isRoot = process.getuid?.() === 0;
const bin = fileURLToPath(new URL("../../../bin/skep-proxy", import.meta.url));
const corpora = fileURLToPath(new URL("../../../../shared/reference/corpora/", import.meta.url));
const noCorpora = existsSync(corpora) ? "" : ": skipped, the corpora are not beside the repository";

const query = (parameters: Readonly<Record<string, string>>) => `${new URLSearchParams(parameters)}`;
const routeTo = (name: string, port: number, more: Readonly<Record<string, string>> = {}) =>
  `reconfigure?${query({ serviceName: name, servicePath: `/${name}`, port: `${port}`, outboundHostname: "127.0.0.1", ...more })}`;

describe.skipIf(!isRoot)(`bad input${isRoot ? "" : ": skipped, it needs root"}`, () => {
  let scene: ProxyScene;
  let wire: WireClient;

  beforeAll(async () => {
    scene = await ProxyScene.start();
    wire = await WireClient.start(scene);
    for (const [name, port] of [
      ["good", 9001],
      ["demo", 9101],
    ] as const) {
      expect(await wire.control(routeTo(name, port))).toMatchObject({ status: 200 });
    }
  }, 60_000);

  afterAll(async () => {
    await scene?.[Symbol.asyncDispose]();
  }, 30_000);

  /** What was live is, and HAProxy would start with the config on disk. */
  async function expectUnharmed(): Promise<void> {
    expect((await wire.request("GET /good HTTP/1.1")).text).toContain('"port":9001');
    expect((await wire.request("GET /demo HTTP/1.1")).text).toContain("recorded /demo");
    await wire.seen();
    const { code, stderr } = await scene.run("haproxy", "-c", "-f", scene.file("cfg/haproxy.cfg"));
    expect(code, stderr).toBe(0);
    expect(foreignLines(await scene.config())).toEqual([]);
  }

  const reasonOf = ({ body }: ControlReply) => /"Message":"((?:[^"\\]|\\.)+)"/.exec(body)?.[1];

  describe("to the control API", () => {
    async function expectRefused(queries: readonly string[]): Promise<void> {
      const before = await scene.config();
      const replies = await Promise.all(queries.map((each) => wire.control(`reconfigure?${each}`)));
      const accepted = queries.filter((_, i) => {
        const { status = 0 } = replies[i] ?? {};
        return status < 400 || status > 499 || !replies[i] || reasonOf(replies[i]) === undefined;
      });
      expect(accepted).toEqual([]);
      expect(await scene.config()).toBe(before);
    }

    test("queries that are never right are refused with a reason", () => expectRefused(refusedQueries));

    test.skipIf(noCorpora !== "")(`so are all of the corpus${noCorpora}`, async () => {
      const lines = readFileSync(`${corpora}proxy-control.txt`, "utf8").split("\n");
      await expectRefused(lines.filter((line) => line !== "" && !line.startsWith("#")));
    });

    test("a hostile value of any parameter is refused with a reason, or stays a value", async () => {
      const cases = parameterNames.flatMap((name) => hostileValues.map((value) => ({ name, value })));
      const batches = Array.from({ length: Math.ceil(cases.length / 220) }, (_, i) =>
        cases.slice(i * 220, (i + 1) * 220),
      );
      for (const batch of batches) {
        const calls = batch.map(({ name, value }, i) => routeTo(`h${i}`, 9002, { [name]: value }));
        const replies = await Promise.all(calls.map((call) => wire.control(call)));
        const unanswered = batch.flatMap(({ name, value }, i) => {
          const reply = replies[i] ?? { status: 0, body: "" };
          const fine = reply.status === 200 || (reply.status >= 400 && reply.status <= 499 && reasonOf(reply));
          return fine ? [] : [`${name}=${value.slice(0, 40)}: ${reply.status} ${reply.body.slice(0, 300)}`];
        });
        expect(unanswered).toEqual([]);
        await expectUnharmed();
        const taken = batch.flatMap(({ name, value }, i) => {
          if (replies[i]?.status !== 200) return [];
          return name === "serviceName" ? [value.trim()] : [`h${i}`];
        });
        await Promise.all(taken.map((name) => wire.control(`remove?${query({ serviceName: name })}`)));
      }
      expect((await wire.control("services")).body.match(/"ServiceName"/g)).toHaveLength(2);
    }, 60_000);

    test.skipIf(noCorpora !== "")(
      `no naughty string ends a line of the config${noCorpora}`,
      async () => {
        const all = JSON.parse(readFileSync(`${corpora}naughty-strings.base64.json`, "utf8")) as string[];
        const texts = all.map((each) => Buffer.from(each, "base64").toString("utf8"));
        const some = texts.filter((_, i) => i % 3 === 0);
        const names = ["servicePath", "setReqHeader", "userAgent", "users"];
        const calls = some.map((text, i) => routeTo(`n${i}`, 9002, { [names[i % names.length] ?? ""]: text }));
        const replies = await Promise.all(calls.map((call) => wire.control(call)));
        expect(replies.filter(({ status }) => status !== 200 && (status < 400 || status > 499))).toEqual([]);
        await expectUnharmed();
        await Promise.all(some.map((_, i) => wire.control(`remove?serviceName=n${i}`)));
      },
      60_000,
    );

    test("a thousand parameters, and repeated ones of which the first counts, are read", async () => {
      const many = Array.from({ length: 1000 }, (_, i) => `x${i}=${i}`).join("&");
      expect(await wire.control(`${routeTo("many", 9003)}&${many}&port=0&port=x`)).toMatchObject({ status: 200 });
      expect((await wire.request("GET /many HTTP/1.1")).text).toContain('"port":9003');
      expect(await wire.control("remove?serviceName=many")).toMatchObject({ status: 200 });
    });

    test.each([
      ["another method for certificates", "POST", "cert?certName=a", 405],
      ["a method that HTTP has not", "FOO", "ping", 400],
      ["a name that every object has", "GET", "constructor", 404],
      ["an unknown call", "GET", "nothing", 404],
      ["percent signs that encode nothing", "GET", "reconfigure?%zz=%&%", 400],
      ["a path with a NUL", "GET", "ping%00", 404],
    ])("%s is answered", async (_, method, call, status) => {
      expect((await wire.control(call, method)).status).toBe(status);
    });

    const to = (call: string, ...headers: string[]) =>
      `${[`PUT /v1/docker-flow-proxy/${call} HTTP/1.1`, "Host: proxy", "Connection: close", ...headers].join("\r\n")}\r\n\r\n`;
    const get = (call: string, more = "") => `GET /v1/docker-flow-proxy/${call} HTTP/1.1\r\nHost: proxy\r\n${more}\r\n`;
    test.each<[string, string | string[], number[]]>([
      ["a target that is no path", "GET * HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", [400]],
      [
        "a target of another host",
        "GET http://b/v1/docker-flow-proxy/ping HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
        [400],
      ],
      ["no host", "GET /v1/docker-flow-proxy/ping HTTP/1.1\r\n\r\n", [400]],
      ["what is no HTTP", "\x16\x03\x01\x02\x00\x01", [400]],
      ["chunked garbage", `${to("cert?certName=a", "Transfer-Encoding: chunked")}zz\r\nabc`, [400]],
      ["two lengths", `${to("cert?certName=a", "Content-Length: 3", "Content-Length: 4")}abcd`, [400]],
      [
        "length and chunks",
        `${to("cert?certName=a", "Content-Length: 3", "Transfer-Encoding: chunked")}0\r\n\r\n`,
        [400],
      ],
      ["a body that comes byte by byte", [to("cert?certName=a", "Content-Length: 3"), "a", "b", "c"], [400]],
      ["a body that is too large", to("cert?certName=a", "Content-Length: 2000000") + "a".repeat(2_000_000), [413]],
      ["pipelined requests", get("ping") + get("nothing") + get("ping", "Connection: close\r\n"), [200, 404, 200]],
    ])("%s is answered", async (_, bytes, statuses) => {
      expect((await wire.send(8080, bytes, { waitMs: 5000 })).statuses).toEqual(statuses);
    });

    test("after all of that everything is as it was", expectUnharmed);
  });

  describe("in parallel", () => {
    test("300 conflicting calls leave each service as its last accepted call said", async () => {
      const names = Array.from({ length: 20 }, (_, i) => `p${10 + i}`);
      const random = numbers(7);
      const outcomes = await Promise.all(
        names.map(async (name) => {
          const waves = Array.from({ length: 3 }, () => randomWave(name, random));
          const statuses: number[] = [];
          for (const wave of waves) statuses.push(...(await pipelined(wave)));
          const calls = waves.flat();
          return { name, calls, statuses };
        }),
      );
      const services = JSON.parse((await scene.call("services")).text).Services as {
        ServiceName: string;
        State: string;
      }[];
      const found = await Promise.all(
        outcomes.map(async ({ name }) => [
          name,
          services.find(({ ServiceName }) => ServiceName === name)?.State,
          (await scene.get(`/${name}`)).port,
        ]),
      );
      const wanted = outcomes.map(({ name, calls, statuses }) => {
        const last = calls.findLast(
          ({ port }, i) => statuses[i] === 200 || (port === undefined && statuses[i] === 409),
        );
        return [name, last?.port === undefined ? undefined : "live", last?.port];
      });
      expect(outcomes.map(({ statuses }) => statuses.length)).toEqual(names.map(() => 15));
      const lies = outcomes.flatMap(({ calls, statuses }) => calls.filter(({ bad }, i) => bad && statuses[i] !== 400));
      expect(lies).toEqual([]);
      expect(found).toEqual(wanted);
      await Promise.all(names.map((name) => wire.control(`remove?serviceName=${name}`)));
      await expectUnharmed();
    }, 60_000);

    interface Call {
      readonly call: string;
      /** Undefined when the call removes the route. */
      readonly port?: number;
      readonly bad?: boolean;
    }

    /** All are carried out at once, and the order in which they come is known. */
    async function pipelined(calls: readonly Call[]): Promise<readonly number[]> {
      const requests = calls.map(({ call }, i) => {
        const connection = i === calls.length - 1 ? "Connection: close\r\n" : "";
        return `GET /v1/docker-flow-proxy/${call} HTTP/1.1\r\nHost: proxy\r\n${connection}\r\n`;
      });
      return (await wire.send(8080, requests.join(""), { waitMs: 20_000 })).statuses;
    }

    /** A removal is always first: it is begun earlier than a reconfigure that came with the same bytes. */
    function randomWave(name: string, random: (below: number) => number): Call[] {
      const calls = Array.from({ length: 5 }, () => randomCall(name, random));
      const removal = { call: `remove?serviceName=${name}` };
      switch (random(3)) {
        case 0:
          return calls;
        case 1:
          return [removal, ...calls.slice(1)];
        default:
          return [removal, ...Array.from({ length: 4 }, () => badCall(name, 9001 + random(6), random))];
      }
    }

    function randomCall(name: string, random: (below: number) => number): Call {
      const port = 9001 + random(6);
      if (random(3) === 0) return badCall(name, port, random);
      return { call: routeTo(name, port, { timeoutServer: `${10 + random(20)}` }), port };
    }

    /** That it is bad, we see or only HAProxy does. */
    const badCall = (name: string, port: number, random: (below: number) => number): Call => {
      const ours = random(2) === 0;
      const path = { servicePath: `/${name}(${random(100)}`, pathType: "path_reg" };
      return { call: routeTo(name, port, ours ? { timeoutServer: "soon" } : path), port, bad: true };
    };

    /** The same each time. */
    function numbers(seed: number): (below: number) => number {
      let state = seed;
      return (below) => {
        state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff;
        return (state >>> 16) % below;
      };
    }
  });

  describe("on port 80", () => {
    const hidden = "GET /demo/hidden HTTP/1.1\r\nHost: a\r\n\r\n";
    const h = "Host: a";
    const chunked = "Transfer-Encoding: chunked";
    const [asPost, asGet] = ["POST /demo HTTP/1.1", "GET /demo HTTP/1.1"];
    const body = "POST /demo abc";

    /** Request line, headers, what follows; the answer's status, and what the service is asked: nothing where it is refused. */
    test.each<[string, string, string[], string, number, string[]?]>([
      [
        "length and chunks: the chunks count, and the connection ends",
        asPost,
        [h, "Content-Length: 44", chunked],
        `0\r\n\r\n${hidden}`,
        200,
        ["POST /demo"],
      ],
      [
        "chunks in HTTP/1.0: the same",
        "POST /demo HTTP/1.0",
        [h, chunked, "Content-Length: 44"],
        `0\r\n\r\n${hidden}`,
        200,
        ["POST /demo"],
      ],
      ["two lengths", asPost, [h, "Content-Length: 0", `Content-Length: ${hidden.length}`], hidden, 400],
      ["a list of two lengths", asPost, [h, `Content-Length: 3, ${hidden.length}`], hidden, 400],
      ["the same length twice", asPost, [h, "Content-Length: 3", "Content-Length: 3"], "abc", 200, [body]],
      ["a length with a sign", asPost, [h, "Content-Length: +3"], "abc", 400],
      ["a negative length", asPost, [h, "Content-Length: -1"], "abc", 400],
      ["an empty length", asPost, [h, "Content-Length: "], "abc", 400],
      ["a hexadecimal length", asPost, [h, "Content-Length: 0x3"], "abc", 400],
      ["a length that nothing can count", asPost, [h, "Content-Length: 99999999999999999999999"], "abc", 400],
      ["an unknown coding", asPost, [h, "Transfer-Encoding: xchunked"], `0\r\n\r\n${hidden}`, 400],
      ["chunks that are not last", asPost, [h, "Transfer-Encoding: chunked, identity"], `0\r\n\r\n${hidden}`, 400],
      ["chunks twice", asPost, [h, chunked, chunked], "0\r\n\r\n", 400],
      ["a blank before the colon", asPost, [h, "Transfer-Encoding : chunked"], `0\r\n\r\n${hidden}`, 400],
      ["a vertical tab before the value", asPost, [h, "Transfer-Encoding: \x0bchunked"], `0\r\n\r\n${hidden}`, 400],
      ["a chunk of no size", asPost, [h, chunked], "zz\r\nabc\r\n0\r\n\r\n", 400],
      ["a chunk of negative size", asPost, [h, chunked], "-3\r\nabc\r\n0\r\n\r\n", 400],
      ["a chunk beyond all sizes", asPost, [h, chunked], "ffffffffffffffffff\r\nabc\r\n0\r\n\r\n", 400],
      ["a chunk longer than it says", asPost, [h, chunked], "3\r\nabcX\r\n0\r\n\r\n", 400],
      [
        "a folded header: it is one value",
        asPost,
        [h, "X-A: b", " Transfer-Encoding: chunked", "Content-Length: 3"],
        "abc",
        200,
        [body],
      ],
      ["a fold of nothing", asGet, [" X: b", h], "", 400],
      ["lines that end in LF only", "GET /demo HTTP/1.1\nHost: a\nX: b", [], "", 200, ["GET /demo"]],
      ["a CR within a value", asGet, [h, "X: a\rTransfer-Encoding: chunked"], "", 400],
      ["a NUL in the path", "GET /demo\0 HTTP/1.1", [h], "", 400],
      ["a NUL in a header's name", asGet, [h, "X\0: a"], "", 400],
      ["a header without a name", asGet, [h, ": x"], "", 400],
      ["a header without a colon", asGet, [h, "nonsense"], "", 400],
      ["a header of 8 kB", asGet, [h, `X: ${"a".repeat(8000)}`], "", 200, ["GET /demo"]],
      ["a header of 20 kB", asGet, [h, `X: ${"a".repeat(20_000)}`], "", 400],
      ["90 headers", asGet, [h, ...Array.from({ length: 90 }, (_, i) => `X-${i}: a`)], "", 200, ["GET /demo"]],
      ["1,000 headers", asGet, [h, ...Array.from({ length: 1000 }, (_, i) => `X-${i}: a`)], "", 400],
      ["HTTP/1.1 without a host", asGet, [], "", 400],
      ["HTTP/1.0 without a host", "GET /demo HTTP/1.0", [], "", 200, ["GET /demo"]],
      ["two hosts", asGet, ["Host: a", "Host: b"], "", 400],
      ["a target of another host", "GET http://b/demo HTTP/1.1", [h], "", 400],
      ["TRACE is the service's affair", "TRACE /demo HTTP/1.1", [h], "", 200, ["TRACE /demo"]],
      ["CONNECT", "CONNECT a:80 HTTP/1.1", [h], "", 503],
      ["a method with a forbidden character", "G@T /demo HTTP/1.1", [h], "", 400],
      ["a version that is none", "GET /demo HTTP/1.1x", [h], "", 400],
      ["a target with a blank", "GET /demo x HTTP/1.1", [h], "", 400],
      ["a target with a fragment", "GET /demo#x HTTP/1.1", [h], "", 400],
      ["what is no HTTP", "\x16\x03\x01\x02\x00\x01", [], "", 400],
      // paths are compared as they are, so tricks lead nowhere
      ["//demo", "GET //demo HTTP/1.1", [h], "", 503],
      ["/%64emo", "GET /%64emo HTTP/1.1", [h], "", 503],
      ["/x/../demo", "GET /x/../demo HTTP/1.1", [h], "", 503],
      ["/./demo", "GET /./demo HTTP/1.1", [h], "", 503],
      ["/DEMO", "GET /DEMO HTTP/1.1", [h], "", 503],
      ["/?/demo", "GET /?/demo HTTP/1.1", [h], "", 503],
      [
        "/demo/../secret reaches the service as it is",
        "GET /demo/../secret HTTP/1.1",
        [h],
        "",
        200,
        ["GET /demo/../secret"],
      ],
    ])("%s", async (_, line, headers, rest, status, asked = []) => {
      const { statuses } = await wire.request(line, headers, rest, { waitMs: 150 });
      expect([statuses, await wire.seen()]).toEqual([[status], asked]);
    });

    test("pipelined requests are answered in their order, each once", async () => {
      const three = ["/demo/1", "/nowhere", "/demo/3"]
        .map((path) => `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`)
        .join("");
      const { statuses } = await wire.send(80, three);
      expect(statuses.slice(0, 2)).toEqual([200, 503]);
      expect((await wire.seen())[0]).toBe("GET /demo/1");
    });

    test.skipIf(noCorpora !== "")(
      `no request of the corpus reaches a service more often than it may${noCorpora}`,
      async () => {
        const all = JSON.parse(readFileSync(`${corpora}http1-requests.json`, "utf8")) as {
          title: string;
          raw: string;
        }[];
        await wire.seen();
        expect(await wire.control(routeTo("all", 9101, { servicePath: "/" }))).toMatchObject({ status: 200 });
        const answers = await Promise.all(
          all.map(({ raw }) => wire.send(80, Buffer.from(raw, "base64"), { waitMs: 500 })),
        );
        const forwarded = (await wire.seen()).length;
        const good = answers.flatMap(({ statuses }) => statuses.filter((status) => status === 200)).length;
        expect(forwarded).toBeLessThanOrEqual(good);
        expect(await wire.control("remove?serviceName=all")).toMatchObject({ status: 200 });
        await expectUnharmed();
      },
      30_000,
    );

    test("a request that never ends is given up after timeout http-request, and holds nobody up", async () => {
      const drip = ["GET /demo HTTP/1.1\r\n", ...Array.from({ length: 14 }, (_, i) => `X-${i}: a\r\n`)];
      const slow = wire.send(80, drip, { gapMs: 500, waitMs: 3000 });
      expect((await wire.request(asGet)).statuses).toEqual([200]);
      expect(await slow).toMatchObject({ statuses: [408], closed: true });
      expect(await wire.seen()).toEqual(["GET /demo"]);
    }, 20_000);
  });

  describe("in files", () => {
    const templated = async (name: string, text: string) => {
      await mkdir(scene.file("cfg/tmpl"), { recursive: true });
      const path = scene.file(`cfg/tmpl/${name}.tmpl`);
      await writeFile(path, text);
      return wire.control(routeTo("templated", 9002, { templateBePath: path }));
    };

    test.each([
      ["is not closed", "{{if .AclName}}", "has no {{end}}"],
      ["names a field that is not there", "{{.Nothing}}", "Nothing"],
      ["loops without end", "{{range 100000}}{{range 100000}}{{end}}{{end}}", "too many steps"],
      ["writes without end", `{{range 100000}}${"x".repeat(100)}{{end}}`, "longer than"],
      ["is too long", `backend a\n${"# x\n".repeat(300_000)}`, "longer than 256 kB"],
      ["HAProxy does not take", "backend {{.AclName}}-be9002\n    no such keyword\n", "unknown keyword"],
    ])("a template that %s is refused", async (what, text, reason) => {
      const reply = await templated(what.replaceAll(" ", "-"), text);
      expect([reply.status, reasonOf(reply)]).toEqual([400, expect.stringContaining(reason)]);
      await expectUnharmed();
    });

    test("a template that is not there is refused", async () => {
      const call = routeTo("templated", 9002, { templateBePath: scene.file("cfg/tmpl/none.tmpl") });
      expect((await wire.control(call)).status).toBeGreaterThanOrEqual(400);
    });

    test.each(["(", "[a", "a{99999}", "*", "(?<a"])("the regular expression %s is refused", async (expression) => {
      const reply = await wire.control(routeTo("regex", 9002, { servicePath: expression, pathType: "path_reg" }));
      expect([reply.status, reasonOf(reply)]).toEqual([400, expect.stringMatching(/regex|regular/)]);
      await expectUnharmed();
    });

    test("certificates that are none are refused; one that has expired is taken, with a warning", async () => {
      const put = async (name: string, pem: string) => {
        await writeFile(scene.file("put.pem"), pem);
        return scene.call(`cert?certName=${encodeURIComponent(name)}`, "-T", scene.file("put.pem"));
      };
      const [one, other] = [testCertificate({ names: ["one.test"] }), testCertificate({ names: ["other.test"] })];
      const keyOf = (pem: string) =>
        /-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?PRIVATE KEY-----\n?/.exec(pem)?.[0] ?? "";
      const bad = [
        await put("empty.pem", ""),
        await put("keyless.pem", one.pem.replace(keyOf(one.pem), "")),
        await put("foreign.pem", one.pem.replace(keyOf(one.pem), keyOf(other.pem))),
        await put("../out.pem", one.pem),
        await put("a\nb.pem", one.pem),
      ];
      expect(bad.map(({ status }) => status)).toEqual([400, 400, 400, 400, 400]);
      const expired = testCertificate({ names: ["old.test"], notAfter: "2021-03-01" });
      const { status, json } = await put("old.pem", expired.pem);
      expect([status, json.Message]).toEqual([200, expect.stringContaining("expired")]);
      await expectUnharmed();
    });
  });
});

describe.skipIf(!isRoot)(`a bad start or a bad disk${isRoot ? "" : ": skipped, it needs root"}`, () => {
  test("bad services of the environment are told, and good ones live", async () => {
    await using scene = await ProxyScene.start({
      DFP_SERVICE_1_SERVICE_NAME: "fine",
      DFP_SERVICE_1_OUTBOUND_HOSTNAME: "127.0.0.1",
      DFP_SERVICE_1_SERVICE_PATH: "/fine",
      DFP_SERVICE_1_PORT: "9001",
      DFP_SERVICE_2_SERVICE_NAME: "wrong",
      DFP_SERVICE_2_SERVICE_PATH: "/wrong",
      DFP_SERVICE_2_PORT: "http",
      DFP_SERVICE_3_SERVICE_NAME: "broken",
      DFP_SERVICE_3_SERVICE_PATH: "(",
      DFP_SERVICE_3_PATH_TYPE: "path_reg",
      DFP_SERVICE_3_PORT: "9001",
    });
    expect((await scene.get("/fine")).port).toBe(9001);
    const services = (await scene.call("services")).json.Services as {
      ServiceName: string;
      State: string;
      Reason: string;
    }[];
    const told = Object.fromEntries(
      services.map(({ ServiceName, State, Reason }) => [ServiceName, `${State} ${Reason}`]),
    );
    expect(told).toEqual({
      fine: "live ",
      wrong: expect.stringMatching(/^rejected port .*"http"/),
      broken: expect.stringMatching(/^rejected .*regex/),
    });
  }, 30_000);

  test("a full or read-only disk is told, the last good config goes on, and changes work when it is mended", async () => {
    await using disk = await SmallDisk.start();
    const change = async (port: number) => (await disk.scene.call(routeTo("a", port))).status;
    const answering = async () => (await disk.scene.get("/a")).port;
    expect([await change(9001), await answering()]).toEqual([200, 9001]);
    await disk.fill();
    expect([await change(9002), await answering()]).toEqual([500, 9001]);
    await disk.empty();
    expect([await change(9003), await answering()]).toEqual([200, 9003]);
    await disk.mount("ro");
    expect([await change(9004), await answering()]).toEqual([500, 9003]);
    await disk.mount("rw");
    expect([await change(9005), await answering()]).toEqual([200, 9005]);
    await disk.stop();
    expect(await disk.scene.haproxyPids()).toEqual([]);
  }, 30_000);

  test("a removal that cannot be written is told, with file and reason; the route stays until it can be", async () => {
    await using disk = await SmallDisk.start();
    const names = ["a", "b", "c"];
    for (const name of names) expect(await disk.scene.call(routeTo(name, 9001))).toMatchObject({ status: 200 });
    const answering = async () => Promise.all(names.map(async (name) => (await disk.scene.get(`/${name}`)).port));
    const remove = async (name: string) => {
      const { status, json } = await disk.scene.call(`remove?serviceName=${name}`);
      return [status, json.Status, json.ServiceName, json.Message];
    };
    const told = (name: string, reason: string) => [
      500,
      "NOK",
      name,
      expect.stringMatching(
        new RegExp(`^cannot write haproxy\\.cfg\\S* in ${disk.cfg}: ${reason}; give the proxy a folder`),
      ),
    ];
    await disk.fill();
    expect(await remove("a")).toEqual(told("a", "ENOSPC: no space left on device"));
    expect(await remove("a")).toEqual(told("a", "ENOSPC: no space left on device"));
    expect(await answering()).toEqual([9001, 9001, 9001]);
    await disk.mount("ro");
    expect(await remove("b")).toEqual(told("b", "EROFS: read-only file system"));
    expect(await remove("b")).toEqual(told("b", "EROFS: read-only file system"));
    expect(await answering()).toEqual([9001, 9001, 9001]);
    await disk.mount("rw");
    await disk.empty();
    expect(await remove("b")).toEqual([200, "OK", "b", ""]);
    expect(await answering()).toEqual([undefined, undefined, 9001]); // what was asked for before is done too
  }, 30_000);

  test("a configs folder that cannot be written ends the start with 1, and nothing is left", async () => {
    await using scene = await ProxyScene.start();
    await scene.stopProxy();
    await writeFile(scene.file("taken"), "a file, no folder");
    const proxy = scene.spawn([bin, "server"], { ...scene.env, CONFIGS_PATH: scene.file("taken") });
    expect(await once(proxy, "exit")).toEqual([1, null]);
    expect(scene.said).toMatch(/skep-proxy: .*EEXIST.*taken/);
    expect(await scene.haproxyPids()).toEqual([]);
  }, 30_000);

  const taken = /cannot bind socket \(Address already in use\) for \[0\.0\.0\.0:80\]/;

  async function takePort80(scene: ProxyScene) {
    const listen = "require('net').createServer().listen(80, () => console.log('listening'))";
    const taker = scene.spawn([process.execPath, "-e", listen]);
    if (taker.stdout) await once(taker.stdout, "data");
    return taker;
  }

  test("a taken port 80 ends a start with the config from before with 1, and nothing is left", async () => {
    await using scene = await ProxyScene.start();
    await scene.stopProxy();
    await takePort80(scene);
    const proxy = scene.spawn([bin, "server"], scene.env);
    expect(await once(proxy, "exit")).toEqual([1, null]);
    expect(scene.said).toMatch(/^skep-proxy: HAProxy does not start: Binding/m);
    expect(scene.said).toMatch(taken);
    expect(await scene.haproxyPids()).toEqual([]);
  }, 30_000);

  // Without a config HAProxy begins with closed ports, so this start does not end: it is told, and tried again.
  test("a taken port 80 at the first start is told; it is opened as soon as it is free", async () => {
    await using scene = await ProxyScene.start();
    await scene.stopProxy();
    const taker = await takePort80(scene);
    const proxy = scene.spawn([bin, "server"], { ...scene.env, CONFIGS_PATH: scene.file("first") });
    const ended = once(proxy, "exit");
    await until(async () => taken.test(scene.said));
    taker.kill();
    await until(async () => (await scene.get("/")).status === 503);
    proxy.kill();
    await ended;
    expect(await scene.haproxyPids()).toEqual([]);
  }, 40_000);
});

async function until(holds: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 20_000;
  while (!(await holds())) {
    if (Date.now() > deadline) throw new Error("it does not come to hold within 20 s");
    await sleep(100);
  }
}

/** A skep-proxy whose folder of configs is a small disk, in a mount namespace of its own. */
class SmallDisk implements AsyncDisposable {
  readonly scene: ProxyScene;
  readonly cfg: string;
  readonly #proxy: ChildProcess;

  static async start(): Promise<SmallDisk> {
    const scene = await ProxyScene.start();
    await scene.stopProxy();
    const cfg = scene.file("small");
    await mkdir(cfg);
    const mounted = `mount -t tmpfs -o size=128k none ${cfg} && exec ${bin} server`;
    const proxy = scene.spawn(["unshare", "-m", "sh", "-c", mounted], { ...scene.env, CONFIGS_PATH: cfg });
    const disk = new SmallDisk(scene, cfg, proxy);
    await until(async () => (await scene.call("ping")).status === 200);
    return disk;
  }

  private constructor(scene: ProxyScene, cfg: string, proxy: ChildProcess) {
    this.scene = scene;
    this.cfg = cfg;
    this.#proxy = proxy;
  }

  fill = () => this.#inside("dd", "if=/dev/zero", `of=${this.cfg}/filling`, "bs=1k");
  empty = () => this.#inside("rm", `${this.cfg}/filling`);
  mount = (how: "ro" | "rw") => this.#inside("mount", "-o", `remount,${how}`, this.cfg);

  async stop(): Promise<void> {
    if (this.#proxy.exitCode !== null) return;
    const ended = once(this.#proxy, "exit");
    this.#proxy.kill();
    await ended;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    await this.scene[Symbol.asyncDispose]();
  }

  #inside(...command: string[]) {
    return this.scene.run("nsenter", `--target=${this.#proxy.pid}`, "--mount", ...command);
  }
}
