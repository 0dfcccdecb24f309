/** What the store asks of its writer thread. Each request gets one reply, in order; `stage` gets none. */
export type Request =
  /** Read on; answered by `rows` until there are no more. */
  | { readonly do: "read" }
  /** Write these within the open transaction; what goes wrong is told by the reply to `commit`. */
  | { readonly do: "stage"; readonly rows: Rows }
  | { readonly do: "commit"; readonly rows: Rows; readonly revision: number }
  | { readonly do: "close" };

export type Reply =
  /** Sent unasked, once, at the start. */
  | { readonly is: "opened"; readonly revision: number }
  /** Pairs of kind and JSON; empty at the end. */
  | { readonly is: "rows"; readonly rows: readonly string[] }
  | { readonly is: "done" }
  | { readonly is: "failed"; readonly failure: Failure };

/** Four cells an object: kind, id, revision, JSON (null: deleted). One flat array is the quickest to hand over. */
export type Rows = readonly (string | number | null)[];

export interface Failure {
  readonly reason: FailureReason;
  /** SQLite's or the system's own words. */
  readonly message: string;
}

/** `unsynced`: the disk failed to make safe what it was given; what it holds is unknown from then on. */
export type FailureReason = "damaged" | "newer-schema" | "in-use" | "full" | "unsynced" | "other";
