import { appendFileSync, readFileSync, writeFileSync } from "node:fs";
import { test } from "vitest";
import { ProxyScene } from "./proxy-scene.ts";
import { WireClient } from "./wire-client.ts";

test("probe", async () => {
  await using scene = await ProxyScene.start();
  const out = (s: string) => appendFileSync("/tmp/probe.out", s + "\n");
  writeFileSync("/tmp/probe.out", "");
  const w = await WireClient.start(scene);
  out(
    JSON.stringify(
      await w.control("reconfigure?serviceName=demo&servicePath=/demo&port=9101&outboundHostname=127.0.0.1"),
    ).slice(0, 300),
  );
  const H = "Host: a";
  const t = async (name: string, line: string, headers: string[] = [H], body = "", options = {}) => {
    const r = await w.request(line, headers, body, options);
    out(
      `${name.padEnd(34)} ${r.statuses.join(",").padEnd(10)} closed=${r.closed} ${JSON.stringify(await w.seen()).slice(0, 200)}`,
    );
  };
  const P = "POST /demo HTTP/1.1";
  const G = "GET /demo HTTP/1.1";
  const smug = "GET /demo/smuggled HTTP/1.1\r\nHost: a\r\n\r\n";
  await t("plain", G);
  await t("CL+TE", P, [H, "Content-Length: 44", "Transfer-Encoding: chunked"], "0\r\n\r\n" + smug);
  await t("TE+CL short", P, [H, "Transfer-Encoding: chunked", "Content-Length: 4"], "29\r\n" + smug + "\r\n0\r\n\r\n");
  await t("two CL differ", P, [H, "Content-Length: 0", "Content-Length: 41"], smug);
  await t("two CL same", P, [H, "Content-Length: 3", "Content-Length: 3"], "abc");
  await t("CL list", P, [H, "Content-Length: 3, 3"], "abc");
  await t("CL list differ", P, [H, "Content-Length: 3, 41"], smug);
  await t("CL +3", P, [H, "Content-Length: +3"], "abc");
  await t("CL -1", P, [H, "Content-Length: -1"], "abc");
  await t("CL empty", P, [H, "Content-Length: "], "abc");
  await t("CL huge", P, [H, "Content-Length: 99999999999999999999999"], "abc");
  await t("CL hex", P, [H, "Content-Length: 0x3"], "abc");
  await t("TE xchunked", P, [H, "Transfer-Encoding: xchunked"], "0\r\n\r\n" + smug);
  await t("TE chunked,identity", P, [H, "Transfer-Encoding: chunked, identity"], "0\r\n\r\n" + smug);
  await t("TE chunked twice", P, [H, "Transfer-Encoding: chunked", "Transfer-Encoding: chunked"], "0\r\n\r\n");
  await t("TE space colon", P, [H, "Transfer-Encoding : chunked"], "0\r\n\r\n" + smug);
  await t("TE tab", P, [H, "Transfer-Encoding:\tchunked", "Content-Length: 44"], "0\r\n\r\n" + smug);
  await t("TE vtab", P, [H, "Transfer-Encoding: \x0bchunked", "Content-Length: 44"], "0\r\n\r\n" + smug);
  await t(
    "TE in 1.0",
    "POST /demo HTTP/1.0",
    [H, "Transfer-Encoding: chunked", "Content-Length: 44"],
    "0\r\n\r\n" + smug,
  );
  await t("obs-fold TE", P, [H, "X-A: b", " Transfer-Encoding: chunked", "Content-Length: 3"], "abc");
  await t("obs-fold", G, [H, "X-A: b", " c"]);
  await t("fold first", G, [" X: b", H]);
  await t("bare LF head", "GET /demo HTTP/1.1\nHost: a\nX: b\n\n", [], "");
  await t("bare CR", G, [H, "X: a\rTransfer-Encoding: chunked"]);
  await t("NUL in value", G, [H, "X: a\0b"]);
  await t("NUL in path", "GET /demo\0 HTTP/1.1");
  await t("NUL in name", G, [H, "X\0: a"]);
  await t("big header", G, [H, "X: " + "a".repeat(20000)]);
  await t("8k header", G, [H, "X: " + "a".repeat(8000)]);
  await t("100 headers", G, [H, ...Array.from({ length: 90 }, (_, i) => `X-${i}: a`)]);
  await t("1000 headers", G, [H, ...Array.from({ length: 1000 }, (_, i) => `X-${i}: a`)]);
  await t("no host 1.1", G, []);
  await t("no host 1.0", "GET /demo HTTP/1.0", []);
  await t("two hosts", G, ["Host: a", "Host: b"]);
  await t("two same hosts", G, ["Host: a", "Host: a"]);
  await t("abs mismatch", "GET http://b/demo HTTP/1.1", ["Host: a"]);
  await t("abs match", "GET http://a/demo HTTP/1.1", ["Host: a"]);
  await t("TRACE", "TRACE /demo HTTP/1.1");
  await t("CONNECT", "CONNECT a:80 HTTP/1.1");
  await t("OPTIONS *", "OPTIONS * HTTP/1.1");
  await t("lower method", "get /demo HTTP/1.1");
  await t("bad method", "G@T /demo HTTP/1.1");
  await t("PRI", "PRI * HTTP/2.0", [], "SM\r\n\r\n");
  await t("HTTP/0.9", "GET /demo", []);
  await t("HTTP/2.0", "GET /demo HTTP/2.0");
  await t("HTTP/1.2", "GET /demo HTTP/1.2");
  await t("HTTP/1.1x", "GET /demo HTTP/1.1x");
  await t("space in path", "GET /demo x HTTP/1.1");
  await t("two spaces", "GET  /demo HTTP/1.1");
  await t("//demo", "GET //demo HTTP/1.1");
  await t("/%64emo", "GET /%64emo HTTP/1.1");
  await t("/x/../demo", "GET /x/../demo HTTP/1.1");
  await t("/demo/../secret", "GET /demo/../secret HTTP/1.1");
  await t("/./demo", "GET /./demo HTTP/1.1");
  await t("/DEMO", "GET /DEMO HTTP/1.1");
  await t("/demo%00", "GET /demo%00 HTTP/1.1");
  await t("/demo#x", "GET /demo#x HTTP/1.1");
  await t("/demo;x", "GET /demo;x HTTP/1.1");
  await t("/?/demo", "GET /?/demo HTTP/1.1");
  await t("\\demo", "GET \\demo HTTP/1.1");
  await t("utf8", Buffer.from("GET /demo/\u00e9 HTTP/1.1").toString());
  await t("pipeline", G, [H], "GET /demo/2 HTTP/1.1\r\nHost: a\r\n\r\nGET /nowhere HTTP/1.1\r\nHost: a\r\n\r\n");
  await t("chunk ext", P, [H, "Transfer-Encoding: chunked"], "3;x=y\r\nabc\r\n0\r\n\r\n");
  await t("chunk bad size", P, [H, "Transfer-Encoding: chunked"], "zz\r\nabc\r\n0\r\n\r\n");
  await t("chunk neg", P, [H, "Transfer-Encoding: chunked"], "-3\r\nabc\r\n0\r\n\r\n");
  await t("chunk overflow", P, [H, "Transfer-Encoding: chunked"], "ffffffffffffffffff\r\nabc\r\n0\r\n\r\n");
  await t("chunk no CR", P, [H, "Transfer-Encoding: chunked"], "3\nabc\n0\n\n");
  await t("chunk trailing", P, [H, "Transfer-Encoding: chunked"], "3\r\nabcX\r\n0\r\n\r\n");
  await t("empty name", G, [H, ": x"]);
  await t("no colon", G, [H, "nonsense"]);
  await t("garbage", "\x16\x03\x01\x02\x00\x01", []);
  await t("conn content-length", P, [H, "Connection: content-length", "Content-Length: 3"], "abc");
  await t("upgrade h2c", G, [
    H,
    "Connection: Upgrade, HTTP2-Settings",
    "Upgrade: h2c",
    "HTTP2-Settings: AAMAAABkAAQAAP__",
  ]);
  await t("host bad", G, ["Host: a b"]);
  await t("host empty", G, ["Host: "]);
  await t("host @", G, ["Host: u@a"]);
  out(await scene.config());
  const c = async (name: string, s: string | string[], o = {}) => {
    const r = await w.send(8080, s, { waitMs: 1000, ...o });
    out(`CTL ${name.padEnd(24)} ${r.statuses} closed=${r.closed} ${JSON.stringify(r.text.slice(-160))}`);
  };
  const p = "/v1/docker-flow-proxy/";
  for (const m of ["GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "TRACE", "FOO"])
    await c(m + " cert", `${m} ${p}cert HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`);
  for (const m of ["POST", "PUT", "DELETE"])
    await c(
      m + " reconf",
      `${m} ${p}reconfigure?serviceName=m&servicePath=/m&port=9001 HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`,
    );
  for (const u of [
    "*",
    "http://x/",
    "http://a" + p + "ping",
    "//",
    "///",
    "/%",
    "/%ff",
    p + "reconfigure?%",
    p + "reconfigure?%zz=%",
    p + "__proto__",
    p + "constructor",
    p + "ping/../config",
    p + "ping%00",
    "/v3/docker-flow-proxy/ping",
    p + "reconfigure?" + "a=b&".repeat(3000),
    p + "reconfigure?serviceName=" + "x".repeat(100000),
    p + "config?type=%00",
    p + "services?type=routes&wait=-1",
    p + "services?type=routes&wait=NaN&after=x",
    "/:80",
    "/@evil",
    "/\\evil/",
    p + "reconfigure#x",
  ])
    await c(u.slice(0, 24), `GET ${u} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`);
  await c("chunk garbage", `PUT ${p}cert?certName=a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n`);
  await c(
    "slow body",
    [
      `PUT ${p}cert?certName=a HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nConnection: close\r\n\r\n`,
      "a",
      "b",
      "c",
      "d",
      "e",
    ],
    { gapMs: 50 },
  );
  await c("short body then hang", [
    `PUT ${p}cert?certName=a HTTP/1.1\r\nHost: a\r\nContent-Length: 50\r\nConnection: close\r\n\r\nabc`,
  ]);
  await c(
    "big body",
    `PUT ${p}cert?certName=a HTTP/1.1\r\nHost: a\r\nContent-Length: 2000000\r\nConnection: close\r\n\r\n` +
      "a".repeat(2000000),
  );
  await c(
    "pipelined",
    `GET ${p}ping HTTP/1.1\r\nHost: a\r\n\r\nGET ${p}nothing HTTP/1.1\r\nHost: a\r\n\r\nGET ${p}ping HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`,
  );
  await c(
    "get with body",
    `GET ${p}ping HTTP/1.1\r\nHost: a\r\nContent-Length: 30\r\nConnection: close\r\n\r\nGET /x HTTP/1.1\r\nHost: a\r\n\r\nab`,
  );
  await c(
    "CL+TE",
    `GET ${p}ping HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
  );
  await c("no host", `GET ${p}ping HTTP/1.1\r\n\r\n`);
  await c("garbage", "\x16\x03\x01\x02");
  out(scene.said.slice(-3000));
}, 120000);
