import { expect, test } from "vitest";
import { differences } from "./differences.ts";

test("ids, addresses, nodes, versions, times and the width of columns do not matter", () => {
  const shown = `ID             NAME    NODE     STATE
mxlbb87y7ij2   web.1   node-1   Running 2 seconds ago

at 10.0.1.2, with 20.10.24+dfsg1, a3ou9bvcobbco0kbwhxslhh0a, after 12 ms
`;
  const printed = `ID NAME NODE STATE
c34dmu41cn5c web.1 node-3 Running about a minute ago
at 192.168.99.11, with 28.2.2, xuy4geu5d0dxqucgcrdkvbbgf, after 0.3 s`;
  expect(differences(shown, printed)).toEqual([]);
});

test("words, counts, and lines more or less do", () => {
  expect(differences("3/3 web", "2/3 web")).toEqual(["- 3/3 web", "+ 2/3 web"]);
  expect(differences("HTTP/1.1 200 OK", "HTTP/1.1 503 OK")).not.toEqual([]);
  expect(differences("one\ntwo", "one")).not.toEqual([]);
  expect(differences("one", "one\ntwo")).not.toEqual([]);
});

test("… stands for anything in a line, and alone for any lines", () => {
  expect(differences("revision …, as it was", "revision 18, as it was")).toEqual([]);
  expect(differences("revision …, as it was", "revision 18, as it is")).not.toEqual([]);
  expect(differences("first\n…\nlast", "first\n1\n2\n3\nlast")).toEqual([]);
  expect(differences("first\n…\nlast", "first\nlast")).toEqual([]);
  expect(differences("first\n…", "first\n1\n2")).toEqual([]);
  expect(differences("first\n…\nlast", "first\n1\nlast\n2")).not.toEqual([]);
});

test("nothing else in what a page shows has a meaning of its own", () => {
  expect(differences("*:80->80/tcp (a|b) [c]", "*:80->80/tcp (a|b) [c]")).toEqual([]);
  expect(differences("a.c", "abc")).not.toEqual([]);
});
