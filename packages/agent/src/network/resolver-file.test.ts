import fc from "fast-check";
import { expect, test } from "vitest";
import { upstreamsIn, withoutResolver, withResolver } from "./resolver-file.ts";

const engines = "search example.org\nnameserver 192.0.2.53\nnameserver 192.0.2.54\noptions timeout:1\n";

test("a container's own servers give way to skep's, and are kept for later", () => {
  expect(withResolver(engines)).toBe(
    [
      "# The names of the swarm's networks; skep keeps here what was before.",
      "nameserver 127.0.0.11",
      "search example.org",
      "#skep# nameserver 192.0.2.53",
      "#skep# nameserver 192.0.2.54",
      "options timeout:1",
      "",
    ].join("\n"),
  );
  expect(upstreamsIn(withResolver(engines))).toEqual(["192.0.2.53", "192.0.2.54"]);
  expect(upstreamsIn("nameserver 127.0.0.11\n")).toEqual(["127.0.0.11"]);
});

test("doing it twice changes nothing, and undoing it gives back what was there", () => {
  const anyLine = fc.oneof(
    fc.constantFrom("nameserver 192.0.2.1", " nameserver\t::1", "# x", ""),
    fc.stringMatching(/^[ -~]*$/),
  );
  const anyText = fc.array(anyLine).map((lines) => lines.join("\n"));
  fc.assert(
    fc.property(anyText, (text) => {
      fc.pre(!text.includes("skep"));
      expect(withResolver(withResolver(text))).toBe(withResolver(text));
      expect(withoutResolver(withResolver(text))).toBe(text);
      expect(withoutResolver(text)).toBe(text);
    }),
  );
});
