import type { Kind, Objects } from "@skep/model";
import type { Change, ChangeSet, Indices, Reader } from "./store.ts";
import { Table } from "./table.ts";

type TableOf = { readonly [K in Kind]: Table<K> };

/** The durable state: a table for every kind, and the revision they stand at. */
export class Tables implements Reader {
  private readonly tables: TableOf = {
    cluster: new Table("cluster"),
    node: new Table("node"),
    service: new Table("service"),
    task: new Table("task"),
    network: new Table("network"),
    address: new Table("address"),
    secret: new Table("secret"),
    config: new Table("config"),
  };
  private current = 0;

  get revision(): number {
    return this.current;
  }

  table<K extends Kind>(kind: K): Table<K> {
    return this.tables[kind];
  }

  get<K extends Kind>(kind: K, id: string): Objects[K] | undefined {
    return this.table(kind).get(id);
  }

  all<K extends Kind>(kind: K): Iterable<Objects[K]> {
    return this.table(kind).all();
  }

  count(kind: Kind): number {
    return this.table(kind).size;
  }

  find<K extends Kind>(kind: K, index: Indices[K], key: string): readonly Objects[K][] {
    return this.table(kind).find(index, key);
  }

  withIdPrefix<K extends Kind>(kind: K, prefix: string, limit?: number): readonly Objects[K][] {
    return [
      ...this.table(kind)
        .withIdPrefix(prefix)
        .take(limit ?? Number.POSITIVE_INFINITY),
    ];
  }

  /** Takes in an object as it was stored. */
  load<K extends Kind>(kind: K, object: Objects[K]): void {
    this.table(kind).set(object.id, object);
  }

  /** The revision that what was loaded stands at. */
  loaded(revision: number): void {
    this.current = revision;
  }

  apply(set: ChangeSet): void {
    for (const change of set.changes) this.applyChange(change);
    this.current = set.revision;
  }

  private applyChange<K extends Kind>(change: Change<K>): void {
    this.table(change.kind).set(change.id, change.after);
  }
}
