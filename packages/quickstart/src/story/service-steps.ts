import type { World } from "../world.ts";
import type { Observation, Part, Step } from "./step.ts";
import { whole } from "./step.ts";

export const networks: Step = {
  title: "Two networks",
  why: `An overlay spans all nodes, and only services attached to it are in it. go-demo is for the service and its database,
    proxy for whatever the reverse proxy is to reach.`,
  parts: () => [
    ...["go-demo", "proxy"].map(network),
    { command: "docker network ls --filter driver=overlay", doing: "", show: whole },
  ],
};

const network = (name: string): Part => ({
  command: `docker network create --driver overlay ${name}`,
  doing: `network ${name}`,
  observe: async (world) => {
    const filters = encodeURIComponent(JSON.stringify({ name: [name], driver: ["overlay"] }));
    const found = await world.ask<{ Name: string; Driver: string }[]>(`/v1.41/networks?filters=${filters}`);
    const isThere = found?.some(({ Name, Driver }) => Name === name && Driver === "overlay") === true;
    return { state: isThere ? "there" : "absent", text: `network ${name}` };
  },
});

/** The database a service of which is wanted: `image`, or the default where there is none yet. */
export const database = (image: string | undefined): Step => ({
  title: "The database",
  why: `On go-demo alone, and no port of it is published: who is not on that network will not reach it. (--no-resolve-image:
    the image is here already, no registry needs to be asked. --detach: this tour waits by itself.)`,
  parts: async (world) => [
    await service(world, {
      name: "go-demo-db",
      image,
      command: `docker service create --detach --no-resolve-image --name go-demo-db --network go-demo ${image ?? "skep/redis"}`,
    }),
  ],
});

export const util: Step = {
  title: "A look from inside",
  why: `util is global: one task on each node, this one and any that joins later. It has the tools to look around in the network.
    The name of the database leads to one virtual address, wherever its task runs.`,
  parts: async (world) => [
    await service(world, {
      name: "util",
      image: "skep/util",
      command: `docker service create --detach --no-resolve-image --name util --network go-demo --mode global skep/util`,
    }),
    lookUp,
  ],
};

/** The container of util on node-1: there is one on every node. */
export const utilContainer = "$(docker ps -q -f name=util)";

/** The database's virtual address, as drill has it. */
export const lookUp: Part = {
  command: `docker exec ${utilContainer} drill go-demo-db`,
  doing: "asking for go-demo-db",
  show: (output) => output.split("\n").filter((line) => /\bIN\s+A\s+\d/.test(line)),
  check: (output) => (addressIn(output) === undefined ? "no address for go-demo-db" : undefined),
};

export const addressIn = (output: string): string | undefined => /\bIN\s+A\s+(\d+\.\d+\.\d+\.\d+)/.exec(output)?.[1];

export const demo: Step = {
  title: "The service",
  why: "go-demo is on both networks: by go-demo it reaches its database, by proxy it is reached. It publishes no port either.",
  parts: async (world) => [
    await service(world, {
      name: "go-demo",
      image: "skep/go-demo",
      command: `docker service create --detach --no-resolve-image --name go-demo --env DB=go-demo-db \\
  --network go-demo --network proxy skep/go-demo`,
    }),
  ],
};

export const proxy: Step = {
  title: "The reverse proxy",
  why: `The only door: ports 80, 443 and 8080 are published on every node, whether a proxy runs there or not. Two replicas, so that
    none is needed in particular; the mount lets them see the swarm and keep routes in it.`,
  parts: async (world) => [
    await service(world, {
      name: "proxy",
      image: "skep/proxy",
      command: `docker service create --detach --no-resolve-image --name proxy --replicas 2 --network proxy \\
  --publish 80:80 --publish 443:443 --publish 8080:8080 \\
  --mount type=bind,source=/run/skep,target=/run/skep \\
  --env DF_DOCKER_HOST=unix:///run/skep/docker.sock skep/proxy`,
    }),
  ],
};

interface Wanted {
  readonly name: string;
  /** Undefined when any will do. */
  readonly image: string | undefined;
  /** That creates it. */
  readonly command: string;
}

/** Creates a service, or gives the one there is its image. */
async function service(world: World, { name, image, command }: Wanted): Promise<Part> {
  const found = await world.service(name);
  const isOther = found !== undefined && image !== undefined && imageName(found.image) !== imageName(image);
  return {
    command: isOther ? `docker service update --detach --no-resolve-image --image ${image} ${name}` : command,
    doing: `${name} starts`,
    observe: (now) => observeService(now, name, image),
    explain: `docker service ps --no-trunc --format '{{.Name}} {{.CurrentState}} {{.Error}}' ${name}`,
  };
}

/** With its tag, and without the digest it was resolved to. */
export function imageName(image: string): string {
  const [name = ""] = image.split("@");
  return /:[^/]+$/.test(name) ? name : `${name}:latest`;
}

export async function observeService(world: World, name: string, image?: string): Promise<Observation> {
  const found = await world.service(name);
  if (found === undefined || (image !== undefined && imageName(found.image) !== imageName(image)))
    return { state: "absent", text: "" };
  const { running, desired, isUpdating } = found;
  const text = `${name}: ${running} of ${desired} ${desired === 1 ? "task runs" : "tasks run"}`;
  return { state: desired > 0 && running >= desired && !isUpdating ? "there" : "coming", text };
}
