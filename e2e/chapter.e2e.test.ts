import { setTimeout as sleep } from "node:timers/promises";
import { Cluster, runCommand } from "@skep/testkit";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Clients } from "./clients.ts";
import { eventually } from "./cluster-helpers.ts";
import { Load } from "./loads.ts";
import { clusterProblem, Operator, type TaskContainer } from "./operator.ts";
import { keepInside, Stranger } from "./stranger.ts";

// "Docker Swarm networking and reverse proxy": every command of the chapter, in its order, with the official CLI; then its
// four requirements. The images are the chapter's by another name: there is no registry here, and the database is Redis.

const images = [
  ["skep/go-demo", "go-demo"],
  ["skep/redis", "redis"],
  ["skep/util", "util"],
  ["skep/proxy", "proxy"],
] as const;

describe.skipIf(clusterProblem())(`the chapter on three nodes ${clusterProblem() ?? ""}`, () => {
  let cluster: Cluster;
  let swarm: Operator;
  let lan: Stranger;

  beforeAll(async () => {
    cluster = await Cluster.create();
    for (const [image, recipe] of images) await cluster.importTestImage(`${image}:latest`, recipe);
    await cluster.formSwarm();
    swarm = new Operator(cluster);
    lan = await Stranger.join(cluster);
    await keepInside(cluster);
    await lan.ip("route", "add", "default", "via", ip("node-2")); // it takes a node for its router
  });

  afterAll(async () => {
    await lan?.[Symbol.asyncDispose]();
    await cluster?.[Symbol.asyncDispose]();
    expect(await cluster?.leftovers()).toEqual([]);
  });

  /** What a reader types, with the docker CLI pointed at a node (`eval $(docker-machine env NODE)`). */
  async function type(command: string, node = "node-1"): Promise<string> {
    const env = { ...process.env, DOCKER_HOST: `unix://${cluster.machine(node).paths.skepSocket}` };
    const { stdout, stderr, code } = await runCommand(["bash", "-c", `set -o pipefail; ${command}`], { env });
    if (code !== 0) throw new Error(`${command}: exit ${code}: ${stderr}${stdout}`);
    return stdout.replaceAll("\r", "");
  }
  /** The same with a terminal, which `exec -it` asks for. */
  const typeInTerminal = (command: string, node?: string) => type(`script -qec '${command}' /dev/null`, node);
  const ip = (node: string) => cluster.machine(node).address;
  const idOf = (service: string) =>
    `$(docker ps -q --filter label=com.docker.swarm.service.name=${service} | head -n 1)`;

  const inside = async ({ node, id }: TaskContainer, script: string): Promise<string> => {
    const { stdout, stderr } = await cluster.engine(node, "exec", id, "sh", "-c", script);
    return stdout + stderr;
  };
  /** Whether whoever asks gets an answer of the database at an address or a name. */
  const isAnswered = async (from: TaskContainer, host: string) =>
    (await inside(from, `printf 'PING\\r\\n' | nc -w 1 ${host} 6379`)).includes("+PONG");
  const hasName = async (from: TaskContainer, name: string) =>
    (await inside(from, `nslookup ${name} 127.0.0.11`)).includes("Name:");
  /** Whether anybody accepts a connection of a host on the nodes' network that is outside of the cluster. */
  async function isOpen(host: string, port: number): Promise<boolean> {
    const flags = ["-s", "-o", "/dev/null", "--connect-timeout", "1", "-m", "2", "-w", "%{time_connect}"];
    const { stdout } = await new Clients(cluster).run(lan.from, "curl", ...flags, `http://${host}:${port}/`);
    return Number(stdout) > 0;
  }
  const person = (node: string, method = "GET", name = "") =>
    fetch(`http://${ip(node)}/demo/person${name && `?name=${name}`}`, { method, headers: { connection: "close" } });

  /** Addresses of a service: virtual IPs and those of its tasks, on all its networks. */
  async function addressesOf(service: string): Promise<string[]> {
    const { Endpoint } = await swarm.inspect(service);
    const vips = ((Endpoint?.VirtualIPs ?? []) as { Addr?: string }[]).flatMap(({ Addr }) => Addr ?? []);
    const tasks = (await swarm.wanted(service)) as unknown as { NetworksAttachments: { Addresses: string[] }[] }[];
    const own = tasks.flatMap(({ NetworksAttachments }) => NetworksAttachments.flatMap(({ Addresses }) => Addresses));
    return [...vips, ...own].map((address) => address.replace(/\/.*$/, ""));
  }

  let vip = "";

  describe("its commands", () => {
    test("docker network create --driver overlay", async () => {
      expect(await type("docker network create --driver overlay proxy")).toMatch(/^[0-9a-z]{25}\n$/);
      expect(await type("docker network create --driver overlay go-demo")).toMatch(/^[0-9a-z]{25}\n$/);
      const listed = await type('docker network ls -f "driver=overlay"');
      expect(listed).toMatch(/^NETWORK ID +NAME +DRIVER +SCOPE$/m);
      for (const name of ["go-demo", "ingress", "proxy"])
        expect(listed).toMatch(new RegExp(`^[0-9a-z]{12} +${name} +overlay +swarm$`, "m"));
    });

    test("docker service create: a database, and tools on every node", async () => {
      await type("docker service create --no-resolve-image -d --name go-demo-db --network go-demo skep/redis");
      await type(
        "docker service create --no-resolve-image -d --name util --network go-demo --mode global skep/util sleep 1000000000",
      );
      await Promise.all([swarm.untilRunning("go-demo-db", 1), swarm.untilRunning("util", 3)]);
      const listed = await type("docker service ps util");
      for (const node of cluster.names)
        expect(listed).toMatch(
          new RegExp(`^[0-9a-z]{12} +util\\.[0-9a-z]{25} +skep/util:latest +${node} +Running +Running`, "m"),
        );
    });

    test("docker exec -it ... drill: the database has a name", async () => {
      const answer = await typeInTerminal(`docker exec -it ${idOf("util")} drill go-demo-db`);
      expect(answer).toMatch(/opcode: QUERY, rcode: NOERROR/);
      vip = /^go-demo-db\.\s+600\s+IN\s+A\s+(\S+)$/m.exec(answer)?.[1] ?? "";
      expect(vip).toMatch(/^10\.0\.\d+\.\d+$/);
      expect(answer).toMatch(/SERVER: 127\.0\.0\.11/);
    });

    test("docker service create: the service, on both networks, and the proxy", async () => {
      await type(
        "docker service create --no-resolve-image -d --name go-demo -e DB=go-demo-db --network go-demo --network proxy skep/go-demo",
      );
      await type(
        "docker service create --no-resolve-image -d --name proxy -p 80:80 -p 443:443 -p 8080:8080 --network proxy -e MODE=swarm skep/proxy",
      );
      await Promise.all([swarm.untilRunning("go-demo", 1), swarm.untilRunning("proxy", 1)]);
      expect(await type("docker service ls")).toMatch(/ proxy +replicated +1\/1 +skep\/proxy:latest +\*:80->80\/tcp/);
    });

    test("curl: one request reconfigures the proxy", async () => {
      const url = `${ip("node-1")}:8080/v1/docker-flow-proxy/reconfigure`;
      const answer = await type(`curl -s "${url}?serviceName=go-demo&servicePath=/demo&port=8080"`);
      expect(JSON.parse(answer)).toMatchObject({ Status: "OK", ServiceName: "go-demo", ServicePath: ["/demo"] });
    });

    test("curl -i: the service answers by the proxy, at every node", async () => {
      for (const node of cluster.names) {
        const answer = await type(`curl -si ${ip(node)}/demo/hello`);
        expect(answer).toMatch(/^HTTP\/1\.1 200 OK\n/);
        expect(answer).toMatch(/^content-length: 14$/im);
        expect(answer).toMatch(/^content-type: text\/plain; charset=utf-8$/im);
        expect(answer).toMatch(/\n\nhello, world!\n$/);
      }
    });

    test("docker service ps proxy | awk: where it runs, and what its config says", async () => {
      const node = (await type("docker service ps proxy | tail -n +2 | awk '{print $4}'")).trim();
      expect(cluster.names).toContain(node);
      const config = await typeInTerminal(`docker exec -it ${idOf("proxy")} cat /cfg/haproxy.cfg`, node);
      const frontend = /^frontend services\n(?: {4}.*\n)*/m.exec(config)?.[0] ?? "";
      for (const line of [
        "bind *:80",
        "bind *:443",
        "mode http",
        "acl url_go-demo8080 path_beg /demo",
        "use_backend go-demo-be8080 if url_go-demo8080",
      ])
        expect(frontend.split("\n").map((each) => each.trim())).toContain(line);
      expect(config).toMatch(/^backend go-demo-be8080\n {4}mode http\n {4}server go-demo go-demo:8080$/m);
    });

    test("docker service scale go-demo=5: five tasks behind the same virtual IP", async () => {
      const before = await typeInTerminal(`docker exec -it ${idOf("util")} drill go-demo`);
      const address = /^go-demo\.\s+600\s+IN\s+A\s+(\S+)$/m.exec(before)?.[1];
      expect(await type("docker service scale go-demo=5")).toContain("go-demo scaled to 5");
      await swarm.untilRunning("go-demo", 5);
      const after = await typeInTerminal(`docker exec -it ${idOf("util")} drill go-demo`);
      expect(after.match(/^go-demo\..*\sA\s.*$/gm)).toEqual([expect.stringContaining(`${address}`)]);
      const tasks = await typeInTerminal(`docker exec -it ${idOf("util")} drill tasks.go-demo`);
      expect(tasks.match(/^tasks\.go-demo\..*\sA\s.*$/gm)).toHaveLength(5);
    });
  });

  describe("its requirements", () => {
    const stranger = () => swarm.firstOf("stranger");

    beforeAll(async () => {
      await swarm.docker("network", "create", "--driver", "overlay", "other");
      await swarm.start("stranger", 1, ["--network", "other"], ["skep/util:latest"]);
      await swarm.docker("service", "update", "-d", "--no-resolve-image", "--replicas", "2", "proxy");
      await swarm.untilRunning("proxy", 2);
      // every replica has the route before it takes a request
      await eventually(async () => {
        for (let i = 0; i < 6; i++) expect((await person("node-2")).status).toBe(200);
      });
    });

    /** How many requests for people each task has answered, by its own count. */
    async function answered(): Promise<Map<string, number>> {
      const counts = new Map<string, number>();
      for (const task of await swarm.running("go-demo")) {
        const metrics = await inside(task, "wget -q -O - http://127.0.0.1:8080/demo/metrics");
        const count = /^http_server_resp_time_count\{.*method="GET",path="\/demo\/person"\} (\d+)$/m.exec(metrics)?.[1];
        counts.set(task.id, Number(count ?? 0));
      }
      return counts;
    }

    /** How many requests each replica of the proxy has passed on, by its own count. */
    async function passedOn(): Promise<number[]> {
      const replicas = await swarm.running("proxy");
      const csvs = replicas.map((one) =>
        inside(one, "wget -q -O - http://127.0.0.1:8080/v1/docker-flow-proxy/metrics"),
      );
      return (await Promise.all(csvs)).map((csv) => {
        const [head = "", ...rows] = csv.split("\n").map((line) => line.split(","));
        const column = (head as string[]).indexOf("req_tot");
        return Number(rows.find(([name, side]) => name === "services" && side === "FRONTEND")?.[column]);
      });
    }

    test("1. requests are spread evenly, round robin, over all instances of any service, the proxy included", async () => {
      const [before, proxiesBefore] = [await answered(), await passedOn()];
      expect([...before]).toHaveLength(5);
      for (let i = 0; i < 100; i++) expect((await person("node-3")).status).toBe(200);
      const [after, proxiesAfter] = [await answered(), await passedOn()];
      const shares = [...after].map(([id, count]) => count - (before.get(id) ?? 0));
      // each of the two replicas of the proxy gives each request to the next task
      expect(shares.reduce((sum, share) => sum + share)).toBe(100);
      expect(Math.max(...shares) - Math.min(...shares)).toBeLessThanOrEqual(2);
      const passed = proxiesAfter.map((count, i) => count - (proxiesBefore[i] ?? 0));
      expect(passed).toEqual([50, 50]);
    });

    test("2. the reverse proxy routes by the request's base path", async () => {
      await swarm.start(
        "books",
        1,
        ["--network", "proxy"],
        [
          "skep/util:latest",
          "sh",
          "-c",
          "mkdir -p /www/books && echo all books >/www/books/index.html && exec httpd -f -p 80 -h /www",
        ],
      );
      const get = async (path: string) => {
        const response = await fetch(`http://${ip("node-2")}${path}`, { headers: { connection: "close" } });
        return [response.status, await response.text()];
      };
      expect((await get("/books/"))[0]).toBe(503);
      const control = `http://${ip("node-3")}:8080/v1/docker-flow-proxy/reconfigure`;
      const answer = await fetch(`${control}?serviceName=books&servicePath=/books&port=80&distribute=true`);
      expect(answer.status).toBe(200);
      for (let i = 0; i < 4; i++) {
        expect(await get("/books/")).toEqual([200, "all books\n"]);
        expect(await get("/demo/hello")).toEqual([200, "hello, world!\n"]);
        expect((await get("/elsewhere"))[0]).toBe(503);
      }
    });

    test("3. go-demo reaches go-demo-db freely, and is itself reached only through the proxy", async () => {
      expect(await (await person("node-1", "PUT", "Viktor")).text()).toBe("Everything is OK");
      for (const node of cluster.names) expect(await (await person(node)).text()).toBe("Viktor");
      const goDemo = await swarm.firstOf("go-demo");
      expect(await isAnswered(goDemo, "go-demo-db")).toBe(true);

      const hello = (from: TaskContainer, host: string) =>
        inside(from, `curl -s -m 1 http://${host}:8080/demo/hello || true`);
      const tools = await swarm.firstOf("util");
      expect(await hello(tools, "go-demo")).toBe("hello, world!\n"); // who shares a network does reach it
      const other = await stranger();
      expect(await hasName(other, "go-demo")).toBe(false);
      const addresses = await addressesOf("go-demo");
      expect(addresses.length).toBeGreaterThanOrEqual(2 + 2 * 5);
      for (const host of ["go-demo", ...addresses]) expect(await hello(other, host)).toBe("");
      for (const node of cluster.names) {
        const at = `http://${ip(node)}:8080/demo/hello`; // that is the proxy's own port
        expect((await fetch(at, { headers: { connection: "close" } })).status).toBe(404);
      }
      expect(await isOpen(ip("node-3"), 8080)).toBe(true);
      expect(await Promise.all(addresses.map((host) => isOpen(host, 8080)))).toEqual(addresses.map(() => false));
    });

    test("4. the database is cut off from every service that it does not belong to", async () => {
      const addresses = await addressesOf("go-demo-db");
      expect(addresses).toContain(vip);
      for (const friend of ["go-demo", "util"])
        for (const host of ["go-demo-db", ...addresses])
          expect(await isAnswered(await swarm.firstOf(friend), host)).toBe(true);
      for (const foreign of ["proxy", "books", "stranger"]) {
        const from = await swarm.firstOf(foreign);
        expect(await hasName(from, "go-demo-db")).toBe(false);
        for (const host of ["go-demo-db", ...addresses]) expect(await isAnswered(from, host)).toBe(false);
      }
      const outside = [...addresses, ...cluster.names.map(ip)];
      expect(await Promise.all(outside.map((host) => isOpen(host, 6379)))).toEqual(outside.map(() => false));
    });

    test("1. and fault tolerant: whichever node is lost, the others answer, and all instances are there again", async () => {
      const [database] = await swarm.running("go-demo-db");
      const lost = cluster.names.find((node) => node !== swarm.manager && node !== database?.node) ?? "";
      const left = cluster.names.filter((node) => node !== lost);
      const clients = new Clients(cluster);
      const begun = performance.now();
      const loads = await Promise.all(
        left.map((node) => Load.start(clients, "outside", ip(node), 80, 100, "/demo/hello")),
      );
      await sleep(1000);
      await cluster.kill(lost);
      const cutMs = performance.now() - begun;
      await eventually(async () => expect(await swarm.places("go-demo")).not.toContain(lost));
      await Promise.all([swarm.untilRunning("go-demo", 5), swarm.untilRunning("proxy", 2)]);
      await sleep(Math.max(0, cutMs + 6000 - (performance.now() - begun)));
      // what the lost node was busy with is lost, and what is sent there before its silence is noticed: nothing after that
      for (const { done, failures } of await Promise.all(loads.map((one) => one.end()))) {
        expect(done).toBeGreaterThan(200);
        for (const { lastMs } of Object.values(failures)) expect(lastMs).toBeLessThan(cutMs + 3500);
      }
      await eventually(async () => {
        for (const node of left) for (let i = 0; i < 10; i++) expect(await (await person(node)).text()).toBe("Viktor");
      });
    });
  });
});
