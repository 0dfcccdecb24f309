import type { NetworkProblem } from "@skep/model";
import type { Leg } from "@skep/network";

/** What the doctor asks a node's data plane. */
export interface NetworkFacts {
  readonly dataPathPort: number;
  /** Tries the ways to all other nodes now. */
  probe(): Promise<readonly Leg[]>;
  /** What `nft -j list chains` answers in the node's own namespace. */
  chains(): Promise<unknown>;
  /** Destinations of the node's own routes, CIDR. */
  routes(): Promise<readonly string[]>;
  /** Neighbour entries of the node and all its routers. */
  neighbours(): Promise<number>;
  overlays(): readonly { readonly name: string; readonly subnet: string }[];
  problems(): readonly NetworkProblem[];
}
