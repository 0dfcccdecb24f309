import { expect, test } from "vitest";
import { headerAlone, headerWithValue } from "./header-item.ts";
import { format, literalFormat } from "./log-format.ts";
import { connectionOption } from "./phrases.ts";
import { braced, headerName, host, identifier, patterns, phrase, portNumber, seconds, word } from "./quote.ts";

test("a word is quoted where HAProxy would read more than one, or less", () => {
  const words = ["/demo", "^/a(b|c)$", "a b", "a#b", 'say "x"', "it's", "a\\b", 'it\'s $5 \\ "x"', "", "é", "\t"];
  expect(words.map((text) => word("x", text))).toEqual([
    "/demo",
    "^/a(b|c)$",
    "'a b'",
    "'a#b'",
    `'say "x"'`,
    `"it's"`,
    "'a\\b'",
    `"it's \\$5 \\\\ \\"x\\""`,
    "''",
    "é",
    "'\t'",
  ]);
});

test("control characters have no place in the config", () => {
  for (const text of ["a\nb", "a\r", "\u0000", "\u007f"]) {
    expect(() => word("servicePath", text)).toThrow(/^servicePath ".*": control characters cannot be part/);
  }
});

test("a pattern is never taken for a flag", () => {
  expect(patterns("x", ["-f", "/etc/passwd"])).toEqual(["--", "-f", "/etc/passwd"]);
  expect(() => braced("x", "}")).toThrow('x "}": cannot be matched');
  expect(braced("x", "x.com")).toBe("x.com");
});

test("names, ports, hosts and times are what they are in HAProxy", () => {
  expect(identifier("x", "go-demo_main.1")).toBe("go-demo_main.1");
  expect(() => identifier("serviceName", "a b")).toThrow('serviceName "a b": a name has letters, digits,');
  expect(portNumber("x", "8080")).toBe(8080);
  for (const port of ["0", "65536", "-1", "80a", ""])
    expect(() => portNumber("port", port)).toThrow(/a port is a number/);
  expect([host("x", "tasks.web"), host("x", "10.0.0.5"), host("x", "fd00::5")]).toEqual([
    "tasks.web",
    "10.0.0.5",
    "[fd00::5]",
  ]);
  for (const name of ["unix@/run/x", "/run/x.sock", "a:80", "a b", "fd@3"]) expect(() => host("x", name)).toThrow();
  expect(seconds("x", "30")).toBe("30s");
  expect(() => seconds("x", "30s")).toThrow('x "30s": a time is a number of seconds');
  expect(() => seconds("x", "9999999")).toThrow();
  expect(() => headerName("x", "a:b")).toThrow("not a header's name");
});

test("HAProxy's own words are left as they are, without files and quotes", () => {
  expect(phrase("x", "req_ssl_sni  -i -m beg")).toBe("req_ssl_sni -i -m beg");
  for (const text of ["path_beg -f /etc/passwd", "-i", "", "str('a')", "a\nb"])
    expect(() => phrase("x", text)).toThrow();
});

test("a per cent sign that begins nothing is one", () => {
  const formats = ["100%", "%ci:%cp", "%[src] %z", "%{+Q}o %T", "%%", "%{x"];
  expect(formats.map((text) => format("x", text))).toEqual([
    "100%%",
    "%ci:%cp",
    "'%[src] %%z'",
    "'%{+Q}o %T'",
    "%%",
    "%%{x",
  ]);
  expect(literalFormat("x", "%[src]")).toBe("%%[src]");
});

test("a header's item has a name, a value and perhaps a condition", () => {
  expect(headerWithValue("x", "X-Version 3")).toBe("X-Version 3");
  expect(headerWithValue("x", "X-A one two if { ssl_fc }")).toBe("X-A 'one two' if { ssl_fc }");
  expect(headerWithValue("x", `X-A "it's; \\"so\\""`)).toBe(`X-A "it's; \\"so\\""`);
  expect(() => headerWithValue("setResHeader", "X-A")).toThrow('setResHeader "X-A": needs a name and a value');
  expect(() => headerWithValue("x", "X-A 'b")).toThrow("has a quote that is not closed");
  expect(headerAlone("x", "X-A unless { ssl_fc }")).toBe("X-A unless { ssl_fc }");
  expect(headerAlone("x", "X- -m beg")).toBe("X- -m beg");
  expect(() => headerAlone("x", "X-A b")).toThrow("needs the name of a header only");
});

test("only connection modes are options", () => {
  expect(() => connectionOption("connectionMode", "httplog")).toThrow(
    'connectionMode "httplog": one of http-keep-alive,',
  );
});
