import { silentLogger } from "@skep/model";
import { FakeClock } from "@skep/testkit";
import fc from "fast-check";
import { expect, test } from "vitest";
import { TaskAddresses, type TaskAddressesOptions } from "./task-addresses.ts";

/** A name server for tests, which notes at what second it was asked for which service. */
function start(dns: Record<string, readonly string[]>, more: Partial<TaskAddressesOptions> = {}) {
  const clock = new FakeClock(0);
  const asked: string[] = [];
  const changed: string[] = [];
  const state = { works: true };
  const addresses = new TaskAddresses({
    clock,
    log: silentLogger,
    lookUp: async (name) => {
      asked.push(`${name} ${clock.now() / 1000}`);
      if (!state.works) throw new Error("ESERVFAIL");
      return dns[name.slice("tasks.".length)] ?? [];
    },
    changed: (names) => changed.push(names.join(" ")),
    ...more,
  });
  return { clock, asked, changed, state, addresses, dns };
}

const many = (count: number) => Array.from({ length: count }, (_, i) => `web${i}`);

test("looks a service up at once, and gives its addresses in numerical order", async () => {
  const { clock, addresses, changed, asked } = start({ web: ["10.0.1.10", "10.0.1.9", "10.0.1.9"] });
  addresses.watch(["web"]);
  expect(addresses.get("web")).toBeUndefined();
  await clock.advanceAsync(0);
  expect(addresses.get("web")).toEqual(["10.0.1.9", "10.0.1.10"]);
  expect(changed).toEqual(["web"]);
  expect(asked).toEqual(["tasks.web 0"]);
});

test("says when all of some services' tasks have been learnt, those without tasks too", async () => {
  const { clock, addresses, state } = start({ web: ["10.0.1.3"] });
  state.works = false;
  addresses.watch(["web", "none"]);
  let isLearnt = false;
  void addresses.learnt(["web", "none", "not watched"]).then(() => {
    isLearnt = true;
  });
  await clock.advanceAsync(0);
  expect(isLearnt).toBe(false);
  state.works = true;
  await clock.advanceAsync(1000);
  expect(isLearnt).toBe(true);
  await addresses.learnt(["web"]);
});

test("looks again each second, and tells only of changes", async () => {
  const { clock, addresses, changed, asked, dns } = start({ web: ["10.0.1.3"] });
  addresses.watch(["web"]);
  await clock.advanceAsync(2000);
  expect(asked).toEqual(["tasks.web 0", "tasks.web 1", "tasks.web 2"]);
  dns.web = ["10.0.1.3", "10.0.1.4"];
  await clock.advanceAsync(1000);
  expect(changed).toEqual(["web", "web"]);
  expect(addresses.get("web")).toEqual(["10.0.1.3", "10.0.1.4"]);
});

test("a service is idle when it has been without tasks for five seconds, not while its only one is replaced", async () => {
  const { clock, addresses, changed, dns } = start({ web: ["10.0.1.3"], unknown: [] });
  addresses.watch(["web", "unknown"]);
  await clock.advanceAsync(1000);
  dns.web = [];
  await clock.advanceAsync(3000);
  expect(addresses.isIdle("web")).toBe(false);
  dns.web = ["10.0.1.4"];
  await clock.advanceAsync(6000);
  expect(addresses.isIdle("web")).toBe(false);
  dns.web = [];
  await clock.advanceAsync(4000);
  changed.length = 0;
  await clock.advanceAsync(3000);
  expect(addresses.isIdle("web")).toBe(true);
  expect(changed).toEqual(["web"]);
  dns.web = ["10.0.1.5"];
  await clock.advanceAsync(1000);
  expect(addresses.isIdle("web")).toBe(false);
  expect(addresses.isIdle("unknown")).toBe(false);
});

test("tells of what was learnt in the same moment together", async () => {
  const { clock, addresses, changed } = start({ api: ["10.0.1.3"], web: ["10.0.1.4"] });
  addresses.watch(["api", "web"]);
  await clock.advanceAsync(0);
  expect(changed).toEqual(["api web"]);
});

test("a name that does not exist has no addresses", async () => {
  const { clock, addresses, dns } = start({ web: ["10.0.1.3"] });
  addresses.watch(["web"]);
  await clock.advanceAsync(0);
  delete dns.web;
  await clock.advanceAsync(1000);
  expect(addresses.get("web")).toEqual([]);
});

test("a name server in trouble changes nothing, and is asked again", async () => {
  const { clock, addresses, state, changed } = start({ web: ["10.0.1.3"] });
  addresses.watch(["web"]);
  await clock.advanceAsync(0);
  state.works = false;
  addresses.watch(["web", "api"]);
  await clock.advanceAsync(3000);
  expect([addresses.get("web"), addresses.get("api")]).toEqual([["10.0.1.3"], undefined]);
  state.works = true;
  await clock.advanceAsync(1000);
  expect(addresses.get("api")).toEqual([]);
  expect(changed).toEqual(["web", "api"]);
});

test("addresses that cannot be a task's are left out", async () => {
  const { clock, addresses } = start(
    { web: ["10.0.1.3", "203.0.113.9"] },
    { accepts: (address) => address.startsWith("10.") },
  );
  addresses.watch(["web"]);
  await clock.advanceAsync(0);
  expect(addresses.get("web")).toEqual(["10.0.1.3"]);
});

test("a service that is no longer watched is forgotten, also in the middle of its look-up", async () => {
  const { clock, addresses, changed, asked } = start({ web: ["10.0.1.3"] });
  addresses.watch(["web"]);
  addresses.watch([]);
  await clock.advanceAsync(5000);
  expect([addresses.get("web"), changed, asked.length]).toEqual([undefined, [], 1]);
});

test("50 services are looked up each second, 1,000 every 20 seconds", async () => {
  for (const [count, seconds] of [
    [50, 1],
    [1000, 20],
  ] as const) {
    const { clock, addresses, asked } = start({});
    addresses.watch(many(count));
    await clock.advanceAsync(0);
    expect(asked).toHaveLength(count);
    await clock.advanceAsync(seconds * 4000);
    const ofOne = asked.filter((line) => line.startsWith("tasks.web7 ")).map((line) => Number(line.split(" ")[1]));
    expect(ofOne.length).toBeGreaterThanOrEqual(4);
    const gaps = ofOne.slice(2).map((at, i) => at - (ofOne[i + 1] ?? 0));
    for (const gap of gaps) expect(gap).toBeCloseTo(seconds, 0);
    addresses[Symbol.dispose]();
  }
});

test("a hurried service is looked up at 0, 200, 500, 1000 and 2000 ms", async () => {
  const { clock, addresses, asked } = start({});
  addresses.watch(many(1000));
  await clock.advanceAsync(10_000);
  asked.length = 0;
  addresses.hurry("web7");
  await clock.advanceAsync(2500);
  expect(asked.filter((line) => line.startsWith("tasks.web7 "))).toEqual([
    "tasks.web7 10",
    "tasks.web7 10.2",
    "tasks.web7 10.5",
    "tasks.web7 11",
    "tasks.web7 12",
  ]);
});

test("a service that is hurried again and again costs no more than the budget", async () => {
  const { clock, addresses, asked } = start({});
  addresses.watch(many(1000));
  await clock.advanceAsync(60_000);
  asked.length = 0;
  for (let i = 0; i < 100; i++) {
    for (const name of many(20)) addresses.hurry(name);
    await clock.advanceAsync(100);
  }
  expect(asked.length).toBeLessThanOrEqual(50 * 11 + 20 * 5);
  const others = new Set(asked.map((line) => line.split(" ")[0]));
  expect(others.size).toBeGreaterThan(200);
});

test("a clock that is put back holds nothing up", async () => {
  const clock = new FakeClock(0);
  let backMs = 0;
  const asked: number[] = [];
  const lookUp = async () => {
    asked.push(clock.now());
    return [];
  };
  const set = { now: () => clock.now() - backMs, after: clock.after.bind(clock) };
  const addresses = new TaskAddresses({ clock: set, log: silentLogger, lookUp, changed: () => {} });
  addresses.watch(["web"]);
  await clock.advanceAsync(1000);
  backMs = 3_600_000;
  await clock.advanceAsync(10_000);
  expect(asked.length).toBeGreaterThanOrEqual(10);
});

test("a hurried service that is not watched is none", async () => {
  const { clock, addresses, asked } = start({});
  addresses.hurry("web");
  await clock.advanceAsync(1000);
  expect(asked).toEqual([]);
});

test("no more than 32 look-ups wait for the name server at the same time", async () => {
  const waiting: (() => void)[] = [];
  const clock = new FakeClock(0);
  const lookUp = () => new Promise<readonly string[]>((resolve) => waiting.push(() => resolve(["10.0.1.3"])));
  const addresses = new TaskAddresses({ clock, log: silentLogger, lookUp, changed: () => {} });
  addresses.watch(many(100));
  await clock.advanceAsync(0);
  expect(waiting).toHaveLength(32);
  for (const answer of waiting.splice(0)) answer();
  await clock.advanceAsync(0);
  expect(waiting).toHaveLength(32);
});

test("nothing goes on after it was disposed of", async () => {
  const { clock, addresses, changed } = start({ web: ["10.0.1.3"] });
  addresses.watch(["web"]);
  addresses[Symbol.dispose]();
  await clock.advanceAsync(5000);
  expect([clock.pending, changed]).toEqual([0, []]);
});

test("whatever happens, in the end the addresses are those of DNS", async () => {
  const name = fc.constantFrom("a", "b", "c", "d");
  const address = fc.integer({ min: 1, max: 6 }).map((n) => `10.0.1.${n}`);
  const step = fc.oneof(
    fc.record({ do: fc.constant("set" as const), name, to: fc.uniqueArray(address) }),
    fc.record({ do: fc.constant("watch" as const), names: fc.uniqueArray(name) }),
    fc.record({ do: fc.constant("hurry" as const), name }),
    fc.record({ do: fc.constant("break" as const), works: fc.boolean() }),
    fc.record({ do: fc.constant("wait" as const), ms: fc.nat(1500) }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 30 }), async (steps) => {
      const { clock, addresses, state, dns } = start({}, { perSecond: 2 });
      let watched: readonly string[] = [];
      for (const each of steps) {
        if (each.do === "set") dns[each.name] = each.to;
        else if (each.do === "watch") watched = each.names;
        else if (each.do === "hurry") addresses.hurry(each.name);
        else if (each.do === "break") state.works = each.works;
        else await clock.advanceAsync(each.ms);
        addresses.watch(watched);
      }
      state.works = true;
      await clock.advanceAsync(10_000);
      for (const name of "abcd") {
        expect(addresses.get(name)).toEqual(watched.includes(name) ? [...(dns[name] ?? [])].sort() : undefined);
      }
      addresses[Symbol.dispose]();
      expect(clock.pending).toBe(0);
    }),
    { numRuns: 150 },
  );
});
