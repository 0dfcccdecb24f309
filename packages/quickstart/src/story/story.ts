import { images } from "./image-steps.ts";
import { nodes, swarm } from "./node-steps.ts";
import { isolation, roundRobin } from "./proof-steps.ts";
import { hello, people, route, scale } from "./request-steps.ts";
import { database, demo, networks, proxy, util } from "./service-steps.ts";
import type { Step } from "./step.ts";

export interface StoryOptions {
  /** The image of the database; Redis by default. */
  readonly database?: string | undefined;
}

/** The chapter, from nothing to a service behind a proxy, in order. */
export const story = (options: StoryOptions = {}): readonly Step[] => [
  nodes,
  swarm,
  images(options.database),
  networks,
  database(options.database),
  util,
  demo,
  proxy,
  route,
  hello,
  people,
  scale,
  roundRobin,
  isolation,
];
