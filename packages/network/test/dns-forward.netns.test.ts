import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync } from "node:fs";
import type { Worker } from "node:worker_threads";
import { encode } from "dns-packet";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import type { DnsServer } from "../src/dns/dns-server.ts";
import { startDnsServer, startDnsThread } from "../src/dns/start-dns-server.ts";
import { ask, askByTcp, type Behaviour, failing, Lab, question, say, saying, Upstream, zone } from "./dns-lab.ts";

const isRoot = process.getuid?.() === 0;

/** Loopback addresses that no other test run on this machine uses. */
const outside = (host: number) => `127.${100 + (process.pid % 100)}.${(process.pid >> 8) & 255}.${host}`;
const silent: Behaviour = () => undefined;

let dns: DnsServer;
let lab: Lab;
let udp: number;
let tcp: number;
let threads: Worker[];

const client = (more: object = {}) => ({
  containerId: "c1",
  namespace: lab.path,
  networks: ["front"],
  servers: [],
  forwards: true,
  ...more,
});

beforeAll(async () => {
  if (!isRoot) return;
  lab = await Lab.create("fwd");
});
beforeEach(async () => {
  if (!isRoot) return;
  await dns?.[Symbol.asyncDispose]();
  threads = [];
  dns = await startDnsServer({
    startThread() {
      const thread = startDnsThread();
      threads.push(thread);
      return thread;
    },
  });
  await dns.putZone(zone("front", { web: ["10.0.1.2"] }));
  ({ udp, tcp } = await dns.open(client()));
});
afterAll(async () => {
  await dns?.[Symbol.asyncDispose]();
  await lab?.[Symbol.asyncDispose]();
});

const askUdp = async (name: string) => say(await ask(lab.path, udp, question(name)));

test.skipIf(!isRoot)(
  "names outside the swarm are asked for at the node's servers, and answered as they were asked",
  async () => {
    await using upstream = await Upstream.start(outside(1), ({ questions, ...rest }, by) =>
      saying("192.0.2.1")({ ...rest, questions: [{ name: questions?.[0]?.name.toLowerCase() ?? "", type: "A" }] }, by),
    );
    await dns.setUpstreams([outside(1)]);
    const packet = question("Example.COM");
    const told = await ask(lab.path, udp, packet);
    expect(say(told)).toBe("NOERROR 192.0.2.1");
    expect(told.id).toBe(packet.readUInt16BE(0));
    expect(told.questions?.[0]?.name).toBe("Example.COM");
    expect(await askUdp("web")).toBe("NOERROR 10.0.1.2");
    expect(upstream.asked).toBe(1);
  },
);

test.skipIf(!isRoot)("a server that is silent costs one time-out, then the next one is asked first", async () => {
  await using dead = await Upstream.start(outside(1), silent);
  await using alive = await Upstream.start(outside(2), saying("192.0.2.2"));
  await dns.setUpstreams([outside(1), outside(2)]);
  expect(await askUdp("one.example")).toBe("NOERROR 192.0.2.2");
  const from = performance.now();
  for (let i = 0; i < 5; i++) expect(await askUdp(`${i}.example`)).toBe("NOERROR 192.0.2.2");
  expect(performance.now() - from).toBeLessThan(1000);
  expect([dead.asked, alive.asked]).toEqual([1, 6]);
});

test.skipIf(!isRoot)("a server that is not there, fails or refuses is passed over at once", async () => {
  await using failed = await Upstream.start(outside(2), failing(2));
  await using good = await Upstream.start(outside(3), saying("192.0.2.3"));
  await dns.setUpstreams([outside(1), outside(2), outside(3)]);
  const from = performance.now();
  expect(await askUdp("one.example")).toBe("NOERROR 192.0.2.3");
  expect(performance.now() - from).toBeLessThan(1000);
  expect([failed.asked, good.asked]).toEqual([1, 1]);
  await dns.setUpstreams([outside(1)]);
  expect(await askUdp("two.example")).toBe("SERVFAIL");
  await dns.setUpstreams([]);
  expect(await askUdp("three.example")).toBe("SERVFAIL");
});

test.skipIf(!isRoot)("an answer that a name does not exist is passed on", async () => {
  await using _upstream = await Upstream.start(outside(1), failing(3));
  await dns.setUpstreams([outside(1), outside(2)]);
  expect(await askUdp("nowhere.example")).toBe("NXDOMAIN");
});

test.skipIf(!isRoot)("answers with another id or question are not believed", async () => {
  const lies: Behaviour = (query, by) => saying("192.0.2.66")({ ...query, id: ((query.id ?? 0) + 1) % 65_536 }, by);
  await using _liar = await Upstream.start(outside(1), lies);
  await using _other = await Upstream.start(outside(2), (query, by) =>
    saying("192.0.2.66")({ ...query, questions: [{ name: "other.example", type: "A" }] }, by),
  );
  await using _honest = await Upstream.start(outside(3), saying("192.0.2.3"));
  await dns.setUpstreams([outside(1), outside(2), outside(3)]);
  expect(await askUdp("one.example")).toBe("NOERROR 192.0.2.3");
});

const many = Array.from({ length: 60 }, (_, i) => `192.0.2.${i}`);
const truncatingByUdp: Behaviour = (query, by) =>
  by === "tcp"
    ? saying(...many)(query, by)
    : encode({ type: "response", id: query.id ?? 0, flags: 0x380, questions: query.questions ?? [] });

test.skipIf(!isRoot)("what is truncated by UDP is asked for by TCP; clients by TCP get all of it", async () => {
  await using upstream = await Upstream.start(outside(1), truncatingByUdp);
  await dns.setUpstreams([outside(1)]);
  const short = await ask(lab.path, udp, question("big.example"));
  expect([short.flag_tc, short.answers?.length]).toEqual([true, 0]);
  const additionals = [{ type: "OPT", name: ".", udpPayloadSize: 4096, flags: 0, options: [] }];
  const long = await ask(lab.path, udp, question("big.example", "A", { additionals }));
  expect([long.flag_tc, long.answers?.length]).toEqual([false, 60]);
  expect(upstream.asked).toBe(4);
  const [whole] = await askByTcp(lab.path, tcp, [question("big.example")]);
  expect([whole?.flag_tc, whole?.answers?.length]).toEqual([false, 60]);
  expect(upstream.asked).toBe(5);
});

test.skipIf(!isRoot)(
  "a client's own servers are asked from inside its namespace, on internal networks too",
  async () => {
    await using _node = await Upstream.start(outside(1), saying("192.0.2.1"));
    await using _own = await Upstream.start(outside(2), saying("192.0.2.2"), lab.path);
    await dns.setUpstreams([outside(1)]);
    await dns.open(client({ servers: ["127.0.0.11", outside(2)], forwards: false }));
    expect(await askUdp("one.example")).toBe("NOERROR 192.0.2.2");
    expect((await askByTcp(lab.path, tcp, [question("one.example")])).map(say)).toEqual(["NOERROR 192.0.2.2"]);
    await dns.open(client({ servers: ["192.0.2.99"] }));
    expect(await askUdp("two.example")).toBe("SERVFAIL"); // from inside there is no way there
    await dns.open(client());
    expect(await askUdp("three.example")).toBe("NOERROR 192.0.2.1");
  },
);

/** `7.example` is 192.0.2.7. */
const numbered: Behaviour = (query, by) => saying(`192.0.2.${query.questions?.[0]?.name.split(".")[0]}`)(query, by);
const numbers = Array.from({ length: 200 }, (_, i) => i);
const numberedAnswers = numbers.map((i) => `NOERROR 192.0.2.${i}`);

test.skipIf(!isRoot)("of many questions at once to a client's own server each gets its own answer", async () => {
  await using _own = await Upstream.start(outside(1), numbered, lab.path);
  await dns.open(client({ servers: [outside(1)] }));
  expect(await Promise.all(numbers.map((i) => askUdp(`${i}.example`)))).toEqual(numberedAnswers);
});

test.skipIf(!isRoot)(
  "questions on one connection beyond those that may wait at once have their turn later",
  async () => {
    await using _upstream = await Upstream.start(outside(1), numbered);
    await dns.setUpstreams([outside(1)]);
    const told = await askByTcp(
      lab.path,
      tcp,
      numbers.map((i) => question(`${i}.example`)),
    );
    expect(told.map(say).sort()).toEqual(numberedAnswers.toSorted());
  },
);

test.skipIf(!isRoot)("servers may have IPv6 addresses", async () => {
  const program = `const s = require("node:dgram").createSocket("udp6");
    s.on("message", (m, r) => { m[2] |= 0x80; s.send(m, r.port, r.address); });
    s.bind(53, "::1", () => console.log("ready"));`;
  const server = spawn("nsenter", [`--net=${lab.path}`, process.execPath, "-e", program]);
  await once(server.stdout, "data");
  await dns.open(client({ servers: ["::1"] }));
  expect(await askUdp("one.example")).toBe("NOERROR");
  server.kill("SIGKILL");
});

test.skipIf(!isRoot)("on internal networks only, names outside are not asked for", async () => {
  await using upstream = await Upstream.start(outside(1), saying("192.0.2.1"));
  await dns.setUpstreams([outside(1)]);
  await dns.open(client({ forwards: false }));
  expect(await askUdp("example.com")).toBe("SERVFAIL");
  expect(await askUdp("web")).toBe("NOERROR 10.0.1.2");
  expect(upstream.asked).toBe(0);
});

test.skipIf(!isRoot)("the same question from many at once is asked once", async () => {
  await using upstream = await Upstream.start(outside(1), silent);
  await dns.setUpstreams([outside(1)]);
  const told = await Promise.all(Array.from({ length: 20 }, () => ask(lab.path, udp, question("same.example"))));
  expect(told.map(say)).toEqual(Array.from({ length: 20 }, () => "SERVFAIL"));
  expect(upstream.asked).toBe(1);
});

test.skipIf(!isRoot)(
  "a client that floods is refused, its sockets stay few, and names of the swarm are answered",
  async () => {
    await using _upstream = await Upstream.start(outside(1), silent);
    await dns.setUpstreams([outside(1)]);
    const openFiles = () => readdirSync("/proc/self/fd").length;
    const before = openFiles();
    const flood = Array.from({ length: 400 }, (_, i) => question(`${i}.example`));
    const answers = askByTcp(lab.path, tcp, flood.slice(0, 60));
    const refusals = Promise.all(flood.slice(60).map((packet) => ask(lab.path, udp, packet)));
    expect(await askUdp("web")).toBe("NOERROR 10.0.1.2");
    const told = [...(await answers), ...(await refusals)].map(say);
    expect(told.filter((text) => text === "REFUSED")).toHaveLength(400 - 256);
    expect(told.filter((text) => text === "SERVFAIL")).toHaveLength(256);
    await expect.poll(openFiles).toBeLessThanOrEqual(before + 2);
  },
);

test.skipIf(!isRoot)("closing a container gives up what it waits for, so that its namespace can go", async () => {
  await dns.open(client({ servers: ["127.0.0.12"] }));
  await using _upstream = await Upstream.start("127.0.0.12", silent, lab.path);
  const openFiles = () => readdirSync("/proc/self/fd").length;
  const before = openFiles();
  const lost = ask(lab.path, udp, question("one.example"), 1000).catch((error: Error) => error.message);
  await expect.poll(openFiles).toBeGreaterThan(before);
  await dns.close("c1");
  expect(await lost).toMatch(/ECONNREFUSED|no answer/);
  await expect.poll(openFiles).toBeLessThan(before);
});

test.skipIf(!isRoot)("a thread that ends is replaced by one that knows all, on the same ports", async () => {
  await using _upstream = await Upstream.start(outside(1), saying("192.0.2.1"));
  await dns.setUpstreams([outside(1)]);
  await dns.putZone(zone("late", { app: ["10.0.5.1"] }));
  await dns.open(client({ networks: ["front", "late"] }));
  await threads[0]?.terminate();
  const during = dns.putZone(zone("later", { job: ["10.0.6.1"] }));
  await dns.open(client({ networks: ["front", "late", "later"] }));
  await during;
  expect(threads).toHaveLength(2);
  for (const [name, address] of [
    ["web", "10.0.1.2"],
    ["app", "10.0.5.1"],
    ["job", "10.0.6.1"],
    ["one.example", "192.0.2.1"],
  ]) {
    expect(await askUdp(name ?? "")).toBe(`NOERROR ${address}`);
  }
});
