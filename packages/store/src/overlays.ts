import type { Kind } from "@skep/model";
import { kinds } from "./index-keys.ts";
import { Overlay } from "./overlay.ts";
import type { ChangeSet } from "./store.ts";
import type { Tables } from "./tables.ts";

type OverlayOf = { readonly [K in Kind]: Overlay<K> };

/** The newest state: everything that is durable, and on top of it what is on its way there. */
export class Overlays {
  private readonly overlays: OverlayOf;

  constructor(base: Tables) {
    const over = <K extends Kind>(kind: K): Overlay<K> => new Overlay(kind, base.table(kind));
    this.overlays = {
      cluster: over("cluster"),
      node: over("node"),
      service: over("service"),
      task: over("task"),
      network: over("network"),
      address: over("address"),
      secret: over("secret"),
      config: over("config"),
    };
  }

  of<K extends Kind>(kind: K): Overlay<K> {
    return this.overlays[kind];
  }

  /** `set` is in the tables below now. */
  settle(set: ChangeSet): void {
    for (const { kind, id } of set.changes) this.of(kind).settle(id, set.revision);
  }

  /** Back to what is durable. */
  clear(): void {
    for (const kind of kinds) this.of(kind).clear();
  }
}
