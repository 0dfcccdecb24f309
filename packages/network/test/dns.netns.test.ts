import { once } from "node:events";
import { existsSync, readdirSync, readlinkSync } from "node:fs";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { DnsServer } from "../src/dns/dns-server.ts";
import { startDnsServer } from "../src/dns/start-dns-server.ts";
import { ask, askByTcp, connectIn, framed, Lab, messages, question, say, zone } from "./dns-lab.ts";

const isRoot = process.getuid?.() === 0;

const front = zone("front", {
  web: ["10.0.1.2"],
  db: ["10.0.1.3"],
  "tasks.web": Array.from({ length: 100 }, (_, i) => `10.0.1.${i + 10}`),
});
const back = zone("back", { web: ["10.0.2.2"], secret: ["10.0.2.3"] });

let dns: DnsServer;
beforeAll(async () => {
  dns = await startDnsServer();
  await dns.putZone(front);
  await dns.putZone(back);
});
afterAll(async () => {
  await dns?.[Symbol.asyncDispose]();
});

const client = (lab: Lab, networks: string[], more: object = {}) => ({
  containerId: lab.name,
  namespace: lab.path,
  networks,
  servers: [],
  forwards: false,
  ...more,
});

test.skipIf(!isRoot)("a container is answered by UDP and TCP, and sees only names of its networks", async () => {
  await using lab = await Lab.create("a");
  const { udp, tcp } = await dns.open(client(lab, ["front"]));
  expect(say(await ask(lab.path, udp, question("WEB")))).toBe("NOERROR 10.0.1.2");
  expect(say(await ask(lab.path, udp, question("secret")))).toBe("SERVFAIL");
  expect(say(await ask(lab.path, udp, question("web", "AAAA")))).toBe("NOERROR");
  expect((await askByTcp(lab.path, tcp, [question("web")])).map(say)).toEqual(["NOERROR 10.0.1.2"]);
  await dns.close(lab.name);
});

test.skipIf(!isRoot)("busybox nslookup in the container finds names and addresses at 127.0.0.11:53", async () => {
  await using lab = await Lab.create("b");
  await lab.redirect(await dns.open(client(lab, ["front"])));
  expect(await lab.run("busybox", "nslookup", "web", "127.0.0.11")).toContain("10.0.1.2");
  expect(await lab.run("busybox", "nslookup", "web.front", "127.0.0.11")).toContain("10.0.1.2");
  expect(await lab.run("busybox", "nslookup", "10.0.1.3", "127.0.0.11")).toContain("db.front");
  await dns.close(lab.name);
});

test.skipIf(!isRoot)("opening an open container changes its networks and keeps its ports", async () => {
  await using lab = await Lab.create("c");
  const ports = await dns.open(client(lab, ["front"]));
  expect(await dns.open(client(lab, ["back", "front"]))).toEqual(ports);
  expect(say(await ask(lab.path, ports.udp, question("web")))).toBe("NOERROR 10.0.2.2");
  await dns.close(lab.name);
});

test.skipIf(!isRoot)("answers follow a network's names, and its removal", async () => {
  await using lab = await Lab.create("d");
  await dns.putZone(zone("moving", { app: ["10.0.3.1"] }));
  const { udp } = await dns.open(client(lab, ["moving"]));
  expect(say(await ask(lab.path, udp, question("app")))).toBe("NOERROR 10.0.3.1");
  await dns.putZone(zone("moving", { app: ["10.0.3.2"] }));
  expect(say(await ask(lab.path, udp, question("app")))).toBe("NOERROR 10.0.3.2");
  await dns.removeZone("moving");
  expect(say(await ask(lab.path, udp, question("app")))).toBe("SERVFAIL");
  await dns.close(lab.name);
});

test.skipIf(!isRoot)("a long answer is truncated by UDP and whole by TCP, EDNS gives it more room", async () => {
  await using lab = await Lab.create("e");
  const { udp, tcp } = await dns.open(client(lab, ["front"]));
  const short = await ask(lab.path, udp, question("tasks.web"));
  expect([short.flag_tc, short.answers?.length]).toEqual([true, 30]);
  const additionals = [{ type: "OPT", name: ".", udpPayloadSize: 4096, flags: 0, options: [] }];
  const long = await ask(lab.path, udp, question("tasks.web", "A", { additionals }));
  expect([long.flag_tc, long.answers?.length]).toEqual([false, 100]);
  const [whole] = await askByTcp(lab.path, tcp, [question("tasks.web")]);
  expect([whole?.flag_tc, whole?.answers?.length]).toEqual([false, 100]);
  await dns.close(lab.name);
});

test.skipIf(!isRoot)(
  "many questions on one connection are all answered, also after the client closed its half",
  async () => {
    await using lab = await Lab.create("f");
    const { tcp } = await dns.open(client(lab, ["front"]));
    const names = Array.from({ length: 500 }, (_, i) => (i % 2 ? "web" : "db"));
    const told = await askByTcp(
      lab.path,
      tcp,
      names.map((name) => question(name)),
    );
    expect(told.map(say)).toEqual(names.map((name) => (name === "web" ? "NOERROR 10.0.1.2" : "NOERROR 10.0.1.3")));
    await dns.close(lab.name);
  },
);

test.skipIf(!isRoot)("a question may come byte by byte; a connection that sends rubbish is closed", async () => {
  await using lab = await Lab.create("g");
  const { tcp } = await dns.open(client(lab, ["front"]));
  const slow = connectIn(lab.path, tcp);
  for (const byte of framed(question("web"))) {
    slow.write(Buffer.from([byte]));
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  const [reply] = (await once(slow, "data")) as [Buffer];
  expect(messages(reply)).toHaveLength(1);
  slow.destroy();
  const rude = connectIn(lab.path, tcp);
  rude.on("error", () => {});
  rude.write(Buffer.alloc(9000, 0xff));
  await once(rude, "close");
  expect((await askByTcp(lab.path, tcp, [question("web")])).map(say)).toEqual(["NOERROR 10.0.1.2"]);
  await dns.close(lab.name);
});

test.skipIf(!isRoot)("a client that does not read its answers disturbs nobody", async () => {
  await using lab = await Lab.create("h");
  const { udp, tcp } = await dns.open(client(lab, ["front"]));
  const deaf = connectIn(lab.path, tcp);
  deaf.on("error", () => {});
  deaf.pause();
  const flood = Buffer.concat(Array.from({ length: 5000 }, () => framed(question("tasks.web"))));
  for (let i = 0; i < 4; i++) deaf.write(flood);
  expect(say(await ask(lab.path, udp, question("web")))).toBe("NOERROR 10.0.1.2");
  deaf.destroy();
  await dns.close(lab.name);
});

test.skipIf(!isRoot)("the next process takes the same ports, which the container's rules name", async () => {
  await using lab = await Lab.create("i");
  const first = await startDnsServer();
  await first.putZone(front);
  const ports = await first.open(client(lab, ["front"]));
  const connection = connectIn(lab.path, ports.tcp);
  connection.on("error", () => {});
  await once(connection, "connect");
  await first[Symbol.asyncDispose]();
  const second = await startDnsServer();
  await second.putZone(front);
  expect(await second.open(client(lab, ["front"], { ports }))).toEqual(ports);
  expect(say(await ask(lab.path, ports.udp, question("web")))).toBe("NOERROR 10.0.1.2");
  await second[Symbol.asyncDispose]();
});

test.skipIf(!isRoot)("ports that something in the container has taken are replaced by others", async () => {
  await using lab = await Lab.create("j");
  const other = await startDnsServer();
  const taken = await other.open(client(lab, ["front"]));
  const ports = await dns.open(client(lab, ["front"], { ports: taken }));
  expect(ports.udp).not.toBe(taken.udp);
  expect(ports.tcp).not.toBe(taken.tcp);
  expect(say(await ask(lab.path, ports.udp, question("web")))).toBe("NOERROR 10.0.1.2");
  await other[Symbol.asyncDispose]();
  await dns.close(lab.name);
});

test.skipIf(!isRoot)(
  "a container that was restarted has another namespace, in which sockets are opened anew",
  async () => {
    const before = await Lab.create("k");
    await dns.open(client(before, ["front"]));
    await before[Symbol.asyncDispose]();
    await using after = await Lab.create("k");
    const { udp } = await dns.open(client(after, ["front"]));
    expect(say(await ask(after.path, udp, question("web")))).toBe("NOERROR 10.0.1.2");
    await dns.close(after.name);
  },
);

test.skipIf(!isRoot)("a container whose loopback was never up is served too", async () => {
  await using lab = await Lab.createDown("n");
  const { udp, tcp } = await dns.open(client(lab, ["front"]));
  expect(say(await ask(lab.path, udp, question("web")))).toBe("NOERROR 10.0.1.2");
  expect((await askByTcp(lab.path, tcp, [question("web")])).map(say)).toEqual(["NOERROR 10.0.1.2"]);
  await dns.close(lab.name);
});

test.skipIf(!isRoot)("what cannot be opened is refused, and harms nobody", async () => {
  await using lab = await Lab.create("l");
  const { udp } = await dns.open(client(lab, ["front"]));
  const lost = dns.open({ ...client(lab, ["front"]), containerId: "lost", namespace: "/run/netns/no-such" });
  await expect(lost).rejects.toThrow("ENOENT");
  expect(say(await ask(lab.path, udp, question("web")))).toBe("NOERROR 10.0.1.2");
  await dns.close(lab.name);
  await dns.close("lost");
});

test.skipIf(!isRoot)("200 containers have their own sockets and views, and nothing is left of them", async () => {
  const home = readlinkSync("/proc/self/ns/net");
  const labs: Lab[] = [];
  const openFiles = () => readdirSync("/proc/self/fd").length;
  const before = openFiles();
  try {
    for (let i = 0; i < 200; i++) labs.push(await Lab.create(`m${i}`));
    const ports = await Promise.all(labs.map((lab, i) => dns.open(client(lab, [i % 2 ? "back" : "front"]))));
    for (const [i, lab] of labs.entries()) {
      expect(say(await ask(lab.path, ports[i]?.udp ?? 0, question("web")))).toBe(`NOERROR 10.0.${(i % 2) + 1}.2`);
    }
    await Promise.all(labs.map((lab) => dns.close(lab.name)));
  } finally {
    for (const lab of labs) await lab[Symbol.asyncDispose]();
  }
  await expect.poll(openFiles).toBeLessThanOrEqual(before + 4);
  for (const thread of readdirSync("/proc/self/task")) {
    const file = `/proc/self/task/${thread}/ns/net`;
    if (existsSync(file)) expect(readlinkSync(file)).toBe(home);
  }
});
