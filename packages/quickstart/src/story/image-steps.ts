import { requestOver } from "@skep/machine";
import { nodeNames } from "../places.ts";
import type { World } from "../world.ts";
import type { Observation, Part, Step } from "./step.ts";

const [first, ...others] = nodeNames;

/** Recipes of images/, and what they make. */
const recipes = { "go-demo": "skep/go-demo", proxy: "skep/proxy", redis: "skep/redis", util: "skep/util" } as const;

/** The images, with `database` in the place of Redis when one is given. */
export function images(database: string | undefined): Step {
  const made = Object.entries(recipes).filter(([recipe]) => database === undefined || recipe !== "redis");
  return {
    title: "Images",
    why: `Made of what this machine has (Debian's packages and this repository), so that no registry is needed, and copied to
      all nodes, since a task may run on any.`,
    together: true,
    parts: () => [
      ...(database === undefined ? [] : [pulled(database)]),
      ...made.map(([recipe, image]) => imported(recipe, image)),
    ],
  };
}

const imported = (recipe: string, image: string): Part =>
  spread(`sh images/import.sh ${recipe} ${image}`, image, `${image} is made`);

const pulled = (image: string): Part => spread(`docker pull --quiet ${image}`, image, `${image} is pulled`);

const spread = (get: string, image: string, doing: string): Part => ({
  command: `${get} &&\n  bin/skep machine load ${image} ${others.join(" ")} --from ${first}`,
  doing: `${doing} and copied`,
  observe: (world) => observeImage(world, image),
});

async function observeImage(world: World, image: string): Promise<Observation> {
  const found = await Promise.all(nodeNames.map((name) => imageOn(world, name, image)));
  const [one] = found;
  if (one === undefined || found.some((other) => other?.id !== one.id)) return { state: "absent", text: "" };
  return { state: "there", text: `${image} on all nodes, ${Math.round(one.bytes / 1e6)} MB` };
}

async function imageOn(world: World, node: string, image: string) {
  const socket = world.machine(node).paths.engineSocket;
  const { status, body } = await requestOver(socket, `/images/${image}/json`, { signal: world.signal });
  if (status !== 200) return undefined;
  const { Id, Size } = JSON.parse(body) as { Id: string; Size: number };
  return { id: Id, bytes: Size };
}
