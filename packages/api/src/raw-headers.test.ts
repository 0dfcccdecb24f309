import { expect, test } from "vitest";
import { endToEnd, isFramed, renderHead } from "./raw-headers.ts";

test("hands on every header but those of the connection, as they were written", () => {
  const headers = ["HOST", "a", "Connection", "close, X-Hop", "x-hop", "1", "Keep-Alive", "5", "Dup", "1", "dup", "2"];
  expect(endToEnd(headers)).toEqual(["HOST", "a", "Dup", "1", "dup", "2"]);
});

test("never lets a Connection header drop the framing", () => {
  const headers = ["Connection", "content-length, transfer-encoding", "Content-Length", "5"];
  expect(endToEnd(headers)).toEqual(["Content-Length", "5"]);
});

test("knows framing by the names alone", () => {
  expect(isFramed(["x", "content-length"])).toBe(false);
  expect(isFramed(["TRANSFER-encoding", "chunked"])).toBe(true);
});

test("renders a head as it goes over the wire", () => {
  expect(renderHead("GET / HTTP/1.1", ["A", "1", "b", ""])).toBe("GET / HTTP/1.1\r\nA: 1\r\nb: \r\n\r\n");
});
