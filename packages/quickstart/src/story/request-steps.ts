import { nodeNames } from "../places.ts";
import type { World } from "../world.ts";
import { lookUp, observeService } from "./service-steps.ts";
import type { Step } from "./step.ts";
import { whole } from "./step.ts";

const api = (world: World, node: string) => `http://${world.address(node)}:8080/v1/docker-flow-proxy`;

export const route: Step = {
  title: "One request makes the route",
  why: `Sent to any node, it reaches one of the proxies, which tells the other: requests for /demo are go-demo's. The configuration
    reads as one would have written it.`,
  parts: (world) => [
    {
      command: `proxy=${api(world, "node-2")}
curl -s "$proxy/reconfigure?serviceName=go-demo&servicePath=/demo&port=8080&distribute=true"`,
      doing: "HAProxy gets a route",
      show: whole,
      check: (output) => (/"Status":"OK"/.test(output) ? undefined : "the proxy did not say OK"),
    },
    {
      command: `curl -s ${api(world, "node-3")}/config |
  grep -e url_go-demo -e be8080 -e 'server go-demo '`,
      doing: "asking for the configuration",
      show: whole,
      check: (output) => (/path_beg \/demo/.test(output) ? undefined : "the route is not in the configuration"),
    },
  ],
};

export const hello: Step = {
  title: "A request through every node",
  why: "Ask any node: its mesh leads to a proxy on this node or another, and the proxy to a task of go-demo.",
  parts: (world) =>
    nodeNames.map((name, i) => ({
      command: `curl -s${i === 0 ? " -i" : ""} http://${world.address(name)}/demo/hello`,
      doing: `asking ${name}`,
      show: (output: string) => whole(output.replaceAll("\r", "")),
      check: saysHello,
    })),
};

const saysHello = (output: string) => (/^hello, world!$/m.test(output) ? undefined : "no hello, world! in the answer");

export const people: Step = {
  title: "With the database behind it",
  why: "go-demo finds it as go-demo-db: it keeps whom it is told of, and knows them when asked through another node.",
  parts: (world) => [
    {
      command: `curl -s -X PUT "http://${world.address("node-2")}/demo/person?name=Ada"`,
      doing: "writing",
      show: whole,
      check: (output) => (/OK/.test(output) ? undefined : "go-demo could not write"),
    },
    {
      command: `curl -s http://${world.address("node-3")}/demo/person`,
      doing: "reading",
      show: whole,
      check: (output) => (/^Ada$/m.test(output) ? undefined : "the name that was written is not there"),
    },
  ],
};

const wanted = 5;

export const scale: Step = {
  title: "Five instead of one",
  why: "More tasks, spread over the nodes; the proxies hear of them by themselves, and names and addresses stay the same.",
  parts: () => [
    {
      command: `docker service scale --detach go-demo=${wanted}`,
      doing: "tasks start",
      observe: async (world) => {
        const replicas = (await world.service("go-demo"))?.replicas ?? 0;
        return replicas < wanted ? { state: "absent", text: "" } : observeService(world, "go-demo");
      },
      explain: "docker service ps --no-trunc --format '{{.Name}} {{.CurrentState}} {{.Error}}' go-demo",
    },
    {
      command: "docker service ps --filter desired-state=running go-demo",
      doing: "",
      show: whole,
    },
    lookUp,
  ],
};
