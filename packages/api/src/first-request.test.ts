import fc from "fast-check";
import { expect, test } from "vitest";
import { classifyFirstBytes } from "./first-request.ts";

const classify = (text: string) => classifyFirstBytes(Buffer.from(text, "latin1"));
const attach = "POST /v1.41/containers/web.1/attach?stdin=1 HTTP/1.1\r\nHost: x\r\n";

test("takes an attach without upgrade for a hijack, and has the engine close after an ordinary answer", () => {
  expect(classify(`${attach}Connection: keep-alive\r\n\r\nGET / HTTP/1.1`)).toEqual({
    head: `${attach}Connection: close\r\n\r\n`,
    rest: Buffer.from("GET / HTTP/1.1"),
  });
});

test.each([
  "GET /containers/json HTTP/1.1\r\n",
  "GET /images/json HTTP/1.1\r\n",
  "DELETE /images/get HTTP/1.1\r\n",
  "GET /images/../swarm/get HTTP/1.1\r\n",
  "GET /images/%2e%2e/get HTTP/1.1\r\n",
  "POST /containers/create HTTP/1.1\r\n",
  "POST /containers/x/attach/ws HTTP/1.1\r\n",
  "POST /containers/..%2Fswarm/attach HTTP/1.1\r\n",
  "POST /swarm/init?/containers/x/attach HTTP/1.1\r\n",
  `${attach}Connection: Upgrade\r\nUpgrade: tcp\r\n\r\n`,
  "\x16\x03\x01",
])("leaves %j to the HTTP parser", (text) => {
  expect(classify(text)).toBe("http");
});

test.each([
  "GET /v1.41/images/get?names=a HTTP/1.1",
  "GET /images/registry.example:5000/a/b:1/get HTTP/1.0",
  "GET /containers/web/export HTTP/1.1",
  "PUT /v1.50/containers/web.1.x/archive?path=%2F HTTP/1.1",
  "POST /build?t=x HTTP/1.1",
  "POST /images/load HTTP/1.1",
])("has images moved as they come: %s", (line) => {
  expect(classify(`${line}\r\n\r\n`)).toMatchObject({ head: `${line}\r\nConnection: close\r\n\r\n` });
});

test("comes to the same verdict however the bytes arrive", () => {
  const whole = `${attach}\r\nstdin`;
  fc.assert(
    fc.property(fc.integer({ min: 1, max: whole.length }), (length) => {
      const verdict = classify(whole.slice(0, length));
      const headEnd = whole.indexOf("\r\n\r\n") + 4;
      if (length < headEnd) expect(verdict).toBeUndefined();
      else expect(verdict).toMatchObject({ rest: Buffer.from(whole.slice(headEnd, length)) });
    }),
  );
});
