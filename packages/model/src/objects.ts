import type { Cluster } from "./cluster.ts";
import type { ConfigId, SecretId } from "./ids.ts";
import type { Labels, Meta } from "./meta.ts";
import type { Address, Network } from "./network.ts";
import type { Node } from "./node.ts";
import type { Service } from "./service.ts";
import type { Task } from "./task.ts";

/** Stored by later parts of skep; the shape is here so that the store has one list of kinds. */
export interface Secret extends Meta {
  readonly id: SecretId;
  readonly spec: { readonly Name: string; readonly Labels?: Labels };
}
export interface Config extends Meta {
  readonly id: ConfigId;
  readonly spec: { readonly Name: string; readonly Labels?: Labels };
}

/** Every kind of object the store keeps. */
export interface Objects {
  readonly cluster: Cluster;
  readonly node: Node;
  readonly service: Service;
  readonly task: Task;
  readonly network: Network;
  readonly address: Address;
  readonly secret: Secret;
  readonly config: Config;
}

export type Kind = keyof Objects;
export type AnyObject = Objects[Kind];
