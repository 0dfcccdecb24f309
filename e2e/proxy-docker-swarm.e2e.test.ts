import { buildTestImage, type ImageRecipe, PrivateEngine, privateEngineProblem, runCommand } from "@skep/testkit";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { eventually } from "./cluster-helpers.ts";

// The same proxy image on Docker's own swarm mode. Where the kernel has no IPVS, Docker's virtual IPs and routing mesh carry no
// traffic, so services have no virtual IP here and the proxy's ports are the node's.

const problem = privateEngineProblem();
const address = "192.168.97.11";
const quick = ["--detach", "--no-resolve-image", "--stop-grace-period", "2s", "--endpoint-mode", "dnsrr"];

describe.skipIf(problem)(`the reverse proxy on a swarm of Docker's${problem ? `: skipped, ${problem}` : ""}`, () => {
  let engine: PrivateEngine;

  beforeAll(async () => {
    engine = await PrivateEngine.start();
    for (const args of [
      ["link", "add", "eth0", "type", "bridge"],
      ["addr", "add", `${address}/24`, "dev", "eth0"],
      ["link", "set", "eth0", "up"],
    ]) {
      const { code, stderr } = await runCommand(["ip", "-n", engine.namespace, ...args]);
      if (code !== 0) throw new Error(`ip ${args.join(" ")}: ${stderr}`);
    }
    await importImage("web:local", "web");
    await importImage("skep/proxy:latest", "proxy");
    await engine.docker(["swarm", "init", "--advertise-addr", address]);
    await engine.docker(["network", "create", "-d", "overlay", "proxy"]);
    await create("go-demo", "--replicas", "3", "web:local", "nginx");
    const ports = [80, 8080].flatMap((port) => ["--publish", `mode=host,published=${port},target=${port}`]);
    const socket = `type=bind,source=${engine.socketPath},target=/var/run/docker.sock`;
    await create("proxy", ...ports, "--mount", socket, "skep/proxy:latest");
    await eventually(async () => expect((await call("ping")).status).toBe(200), 60_000);
  });

  afterAll(async () => {
    await engine?.docker(["swarm", "leave", "--force"]).catch(() => {});
    await engine?.stop();
  });

  async function importImage(name: string, recipe: ImageRecipe): Promise<void> {
    const { archive, changes } = await buildTestImage(recipe);
    await engine.docker(["import", ...changes.flatMap((change) => ["--change", change]), "-", name], archive);
  }

  const create = (name: string, ...more: readonly string[]) =>
    engine.docker(["service", "create", ...quick, "--network", "proxy", "--name", name, ...more]);
  const update = (...args: readonly string[]) =>
    engine.docker(["service", "update", "--detach", "--no-resolve-image", ...args]);

  async function get(url: string) {
    const curl = ["curl", "-s", "-m", "5", "-w", "\n%{http_code}\n", url];
    const { stdout } = await runCommand(["nsenter", `--net=/run/netns/${engine.namespace}`, "--", ...curl]);
    const [code = "0", ...lines] = stdout.trimEnd().split("\n").reverse();
    return { status: Number(code), text: lines.reverse().join("\n") };
  }

  const call = (path: string) => get(`http://${address}:8080/v1/docker-flow-proxy/${path}`);
  const serversOf = async (service: string) =>
    (await call("config")).text.match(new RegExp(`server ${service}\\.\\S+ `, "g"))?.length ?? 0;

  test("a request routes a service by its tasks, evenly", async () => {
    const { status } = await call("reconfigure?serviceName=go-demo&servicePath=/demo&port=80");
    expect(status).toBe(200);
    await eventually(async () => expect(await serversOf("go-demo")).toBe(3));
    const urls = `http://${address}/demo/[1-300]`;
    const { text } = await get(urls);
    const names = text.match(/^[0-9a-f]{12} /gm) ?? [];
    const shares = Object.values(Object.groupBy(names, (name) => name)).map((each) => each?.length);
    expect(shares).toEqual([100, 100, 100]);
  });

  test("what came by request is kept in the swarm, and there again when the proxy is another one", async () => {
    const label = () =>
      engine.docker(["service", "inspect", "-f", '{{index .Spec.Labels "com.df.http.go-demo"}}', "proxy"]);
    await eventually(async () => expect(await label()).toBe("port=80&serviceName=go-demo&servicePath=%2Fdemo"));
    const container = () => engine.docker(["ps", "-q", "-f", "label=com.docker.swarm.service.name=proxy"]);
    const before = await container();
    await engine.docker(["kill", before]);
    await eventually(async () => {
      expect(await container()).not.toBe(before);
      expect((await call("ping")).status).toBe(200);
    }, 60_000);
    expect((await get(`http://${address}/demo/`)).status).toBe(200);
  });

  test("tasks that come and go are servers of the proxy within seconds", async () => {
    await update("--replicas", "5", "go-demo");
    await eventually(async () => expect(await serversOf("go-demo")).toBe(5), 30_000);
    await update("--replicas", "2", "go-demo");
    await eventually(async () => expect(await serversOf("go-demo")).toBe(2), 30_000);
    for (let i = 0; i < 20; i++) expect((await get(`http://${address}/demo/`)).status).toBe(200);
  });

  test("labels are routes for as long as they are there", async () => {
    const labels = [
      "com.df.notify=true",
      "com.df.servicePath=/demo/labelled",
      "com.df.port=80",
      "com.df.aclName=first",
    ];
    await create("labelled", ...labels.flatMap((label) => ["--label", label]), "web:local", "nginx");
    await eventually(async () => expect((await call("services")).text).toContain('"labelled"'));
    await eventually(async () => expect(await serversOf("labelled")).toBe(1), 30_000);
    await update("--label-add", "com.df.servicePath=(", "--label-add", "com.df.pathType=path_reg", "labelled");
    await eventually(async () =>
      expect((await call("services")).text).toMatch(/"State":"rejected","Reason":"[^"]*regex/),
    );
    expect((await get(`http://${address}/demo/labelled`)).status).toBe(200);
    await update("--label-rm", "com.df.notify", "labelled");
    await eventually(async () => expect((await call("services")).text).not.toContain('"labelled"'));
  });

  test("remove takes the route from the swarm as well", async () => {
    expect((await call("remove?serviceName=go-demo")).status).toBe(200);
    expect((await get(`http://${address}/demo/`)).status).toBe(503);
    const labels = await engine.docker(["service", "inspect", "-f", "{{json .Spec.Labels}}", "proxy"]);
    expect(labels).not.toContain("com.df.http.go-demo");
  });
});
