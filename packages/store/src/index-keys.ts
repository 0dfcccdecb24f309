import type { Kind, Objects, Task } from "@skep/model";
import type { Indices } from "./store.ts";

/** Where an object is found in one index; undefined keeps it out of that index. */
export type KeyOf<K extends Kind> = (object: Objects[K]) => string | undefined;

type IndexKeys = { readonly [K in Kind]: Readonly<Record<Indices[K], KeyOf<K>>> };

/** How each index of `Indices` derives its key. */
export const indexKeys: IndexKeys = {
  cluster: { name: () => "default" },
  node: { name: (node) => node.description?.Hostname.toLowerCase(), role: (node) => node.spec.Role },
  service: { name: nameOf },
  task: {
    service: (task) => task.serviceId,
    node: (task) => task.nodeId,
    slot: slotKey,
    state: (task) => task.status.state,
    "desired-state": (task) => task.desiredState,
  },
  network: { name: nameOf },
  address: { network: (address) => address.networkId, owner: (address) => address.owner.id },
  secret: { name: nameOf },
  config: { name: nameOf },
};

export const kinds = Object.keys(indexKeys) as readonly Kind[];

/** The key under which `find` looks for what its caller asked. */
export const lookupKey = (index: string, key: string): string => (index === "name" ? key.toLowerCase() : key);

/** The `slot` key: slot 0 means a global service, whose tasks are told apart by node. */
export function slotKey(task: Pick<Task, "serviceId" | "slot" | "nodeId">): string | undefined {
  const place = task.slot || task.nodeId;
  return place === undefined ? undefined : `${task.serviceId}/${place}`;
}

function nameOf(object: { readonly spec: { readonly Name?: string } }): string | undefined {
  return object.spec.Name?.toLowerCase();
}
