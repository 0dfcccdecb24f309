/** What every stored object has besides its own fields. */
export interface Meta {
  /** The store's revision at the object's last write; 0 before its first. One counter for the whole cluster. */
  readonly version: number;
  /** RFC 3339. */
  readonly createdAt: string;
  readonly updatedAt: string;
}

export type Labels = Readonly<Record<string, string>>;
