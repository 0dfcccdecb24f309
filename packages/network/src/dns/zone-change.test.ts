import fc from "fast-check";
import { expect, test } from "vitest";
import type { Zone } from "./dns-server.ts";
import { changeZone, diffZone } from "./zone-change.ts";

const name = fc.constantFrom("web", "db", "tasks.web", "web.1.abc", "cache", "queue");
const address = fc.constantFrom("10.0.1.1", "10.0.1.2", "10.0.1.3");
const target = fc.record({ addresses: fc.array(address, { maxLength: 3 }), ttlSeconds: fc.constantFrom(5, 600) });

const zone = fc
  .record({
    name: fc.constantFrom("front", "renamed"),
    names: fc.uniqueArray(fc.tuple(name, target), { selector: ([key]) => key }),
    reverse: fc.uniqueArray(fc.tuple(address, name), { selector: ([key]) => key }),
  })
  .map(
    ({ name, names, reverse }): Zone => ({
      networkId: "n",
      name,
      names: new Map(names),
      reverse: new Map(reverse),
    }),
  );

test("a zone with its difference to another becomes the other", () => {
  fc.assert(
    fc.property(zone, zone, (before, after) => {
      expect(changeZone(structuredClone(before), diffZone(before, after))).toEqual(after);
    }),
  );
});

test("a zone does not differ from its copy", () => {
  fc.assert(
    fc.property(zone, (one) => {
      const { names, reverse } = diffZone(one, structuredClone(one));
      expect([names, reverse]).toEqual([
        { put: [], remove: [] },
        { put: [], remove: [] },
      ]);
    }),
  );
});

test("repeating older changes and then all that followed ends where it was", () => {
  fc.assert(
    fc.property(zone, zone, zone, (first, second, third) => {
      const changes = [diffZone(first, second), diffZone(second, third)];
      expect(changes.reduce(changeZone, structuredClone(third))).toEqual(third);
    }),
  );
});
