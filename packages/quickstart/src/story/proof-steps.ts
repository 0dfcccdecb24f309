import { growth, parseCounts, renderBars } from "../narration/bars.ts";
import { nodeNames } from "../places.ts";
import type { World } from "../world.ts";
import { addressIn, lookUp, utilContainer } from "./service-steps.ts";
import type { Part, Step } from "./step.ts";

const perNode = 40;
const requests = perNode * nodeNames.length;
const barWidth = 60;

/** `ADDRESS COUNT` for each task of go-demo, of its own count of POSTs. */
const countCommand = `docker exec ${utilContainer} sh -c '
  for task in $(drill tasks.go-demo | grep "IN.A" | grep -o "[0-9.]*$"); do
    echo $task $(curl -s $task:8080/demo/metrics |
      grep "_count.*POST.*/demo/hello" | grep -o "[0-9]*$" || echo 0)
  done'`;

/** Requests, and which task answered how many of them. */
export const roundRobin: Step = {
  title: "Round robin",
  why: `${perNode} requests through each node, on connections that are kept, and each task's own word for how many of them it has had:
    all the same. (They are POSTs, to tell them from the health checks' GETs.)`,
  parts: async (world) => [send(world), count(await countOf(world))],
};

const countOf = async (world: World) => parseCounts((await world.shell(countCommand)).output);

const send = (world: World): Part => ({
  command: `curl -s -X POST "http://{${nodeNames.map((name) => world.address(name)).join(",")}}/demo/hello?[1-${perNode}]" |
  sort | uniq -c`,
  doing: `${requests} requests`,
  show: (output) => [output.trim()],
  check: (output) =>
    output.trim() === `${requests} hello, world!`
      ? undefined
      : `not each of ${requests} requests was answered with hello, world!`,
});

/** How much more each task has had than at first. Tasks may be so new that a proxy has yet to hear of them: then all is sent anew. */
function count(first: ReadonlyMap<string, number>): Part {
  let before = first;
  const had = (output: string) => growth(before, parseCounts(output));
  return {
    command: countCommand,
    doing: "asking each task",
    show: (output) => renderBars(had(output), barWidth),
    check: (output) => unevenness(had(output)),
    again: async (world) => {
      before = await countOf(world);
      await world.shell(send(world).command);
    },
  };
}

/** What is wrong with how requests are spread: two proxies take turns each for themselves, so two may lie between tasks. */
export function unevenness(counts: ReadonlyMap<string, number>): string | undefined {
  const values = [...counts.values()];
  const sum = values.reduce((a, b) => a + b, 0);
  if (sum < requests) return `the tasks have counted ${sum} requests instead of ${requests}`;
  const spread = Math.max(...values) - Math.min(...values);
  return spread <= 2 ? undefined : `between the most and the fewest requests of a task lie ${spread}`;
}

/** Who reaches the database, and who does not. */
export const isolation: Step = {
  title: "The database is cut off",
  why: `From go-demo's network it answers. From the proxy's network there is neither its name nor a way to its address, and
    from outside no node opens its port: isolation is the absence of a path.`,
  parts: async (world) => {
    const vip = addressIn((await world.shell(lookUp.command)).output) ?? "go-demo-db";
    const port = /mongo/.test((await world.service("go-demo-db"))?.image ?? "") ? 27017 : 6379;
    const node = await world.nodeWith("proxy");
    return [fromInside(port), nameFromProxy(node), addressFromProxy(node, vip, port), fromOutside(world, port)];
  },
};

/** Decided inside the container, so that a container that is not there proves nothing. */
const attempt = (host: string, port: number) =>
  `sh -c 'nc -w 2 ${host} ${port} </dev/null && echo reached || echo not reached'`;

const fromInside = (port: number): Part => ({
  command: `docker exec ${utilContainer} \\\n  ${attempt("go-demo-db", port)}`,
  doing: "from go-demo",
  check: (output) => (/^reached/m.test(output) ? undefined : "the database is not reached from its own network"),
  told: () => "from network go-demo: reached",
});

const inProxy = (node: string, command: string) => `(eval "$(bin/skep machine env ${node})"
 docker exec $(docker ps -q -f name=proxy | head -n 1) ${command})`;

const nameFromProxy = (node: string): Part => ({
  command: inProxy(node, "nslookup go-demo-db"),
  doing: "from proxy, by name",
  check: (output) =>
    /NXDOMAIN|can't resolve|can't find/i.test(output) ? undefined : "the name is known in network proxy",
  told: () => "from network proxy: no such name",
});

const addressFromProxy = (node: string, vip: string, port: number): Part => ({
  command: inProxy(node, `\\\n  ${attempt(vip, port)}`),
  doing: "from proxy, by address",
  check: (output) =>
    /^not reached/m.test(output) && !/not found/.test(output)
      ? undefined
      : "the database is reached from network proxy",
  told: () => "from network proxy: no way to its address",
});

const fromOutside = (world: World, port: number): Part => ({
  command: `for node in ${nodeNames.map((name) => world.address(name)).join(" ")}; do
  curl -sS --max-time 2 telnet://$node:${port} </dev/null || echo not reached; done`,
  doing: "from this machine",
  check: (output) =>
    output.match(/^not reached$/gm)?.length === nodeNames.length ? undefined : "the database is reached from outside",
  told: () => "from outside: no port, on no node",
});
