import type { PublishedPort, TakenPort } from "@skep/model";
import { Ipam } from "../allocator/index.ts";

/** What control calls need besides the store; the manager has the one that all its parts share. */
export interface ControlContext {
  /** Where searches for free addresses go on. */
  readonly ipam: Ipam;
  /** Which of some ports processes of nodes have, other than skep. */
  probePorts(ports: readonly Pick<PublishedPort, "protocol" | "published">[]): Promise<readonly HeldPort[]>;
}

/** `node` is its host name. */
export interface HeldPort extends TakenPort {
  readonly node: string;
}

/** For a swarm without nodes to ask. */
export const detachedContext = (): ControlContext => ({ ipam: new Ipam(), probePorts: async () => [] });
