import { expect, test } from "vitest";
import { parseResolvConf } from "./resolv-conf.ts";

test("reads servers in order, the search list and the options", () => {
  const text = "nameserver 10.1.1.1\nnameserver 2001:db8::53\nsearch a.example b.example\noptions ndots:2 timeout:1\n";
  expect(parseResolvConf(text)).toEqual({
    servers: ["10.1.1.1", "2001:db8::53"],
    search: ["a.example", "b.example"],
    options: ["ndots:2", "timeout:1"],
  });
});

test("of several search and domain lines the last one holds, options add up", () => {
  const text = "domain one.example\nsearch two.example three.example\noptions rotate\noptions edns0";
  expect(parseResolvConf(text)).toEqual({
    servers: [],
    search: ["two.example", "three.example"],
    options: ["rotate", "edns0"],
  });
  expect(parseResolvConf("search a.example\ndomain b.example").search).toEqual(["b.example"]);
});

test("passes over comments, blank lines, carriage returns, repeated servers and what it does not know", () => {
  const text =
    "# made by hand\n; also\n\n\tnameserver\t127.0.0.53 # stub\r\nnameserver 127.0.0.53\nnameserver\nsortlist 1.2.3.4\n";
  expect(parseResolvConf(text)).toEqual({ servers: ["127.0.0.53"], search: [], options: [] });
});

test("an empty file says nothing", () => {
  expect(parseResolvConf("")).toEqual({ servers: [], search: [], options: [] });
});
