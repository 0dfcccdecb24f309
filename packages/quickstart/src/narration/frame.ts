import { nodeNames } from "../places.ts";
import type { World } from "../world.ts";
import type { Narrator } from "./narrator.ts";

export const opening = {
  title: "quickstart",
  first: `Three nodes on this machine become one swarm, which runs a service, its database and a reverse proxy. Every command is shown
    as you would type it, in this folder; all of it happens inside the nodes.`,
  again: `There is a quickstart here already. Each step is looked at: what is there stays, what is missing is made, and the requests
    are sent again.`,
};

/** What the reader has now, and what to try. */
export function ending(narrator: Narrator, world: World, made: number, seconds: number): void {
  const [first] = nodeNames;
  narrator.line();
  narrator.line(
    made === 0
      ? `  Everything was there, and works. Looked at in ${seconds.toFixed(0)} s.`
      : `  Done in ${seconds.toFixed(0)} s. The swarm keeps running.`,
  );
  narrator.choices("What to try next", [
    [`eval "$(bin/skep machine env ${first})"`, "once, in your shell"],
    ["docker service ls", "what runs, and how many of each"],
    ["docker service scale go-demo=8", "more of it"],
    ["bin/skep machine kill node-3", "pull a plug: its tasks are elsewhere in 3 seconds"],
    ["docker service ps go-demo", "see them move"],
    ["bin/skep machine start node-3", "and switch it on again"],
    [`curl http://${world.address("node-2")}/demo/person`, "the names in the database"],
    ["docker exec -it $(docker ps -q -f name=util) sh", "look around from inside the network"],
    ["bin/skep doctor", "is everything as it should be?"],
    ["npm run quickstart -- down", "removes every trace of it"],
  ]);
  narrator.line();
}
