import type { Failure, FailureReason } from "./protocol.ts";

/** A failure of the file that SQLite itself has no code for. */
export class FileFailure extends Error {
  readonly reason: FailureReason;
  constructor(reason: FailureReason, message: string) {
    super(message);
    this.reason = reason;
  }
}

/** SQLite's result codes, https://sqlite.org/rescode.html; 1034 and 1290 are failed syncs of file and directory. */
const reasonOfCode = new Map<number, FailureReason>([
  [5, "in-use"],
  [11, "damaged"],
  [13, "full"],
  [26, "damaged"],
  [1034, "unsynced"],
  [1290, "unsynced"],
]);

/** What of an error can cross to the other thread. */
export function failureOf(err: unknown): Failure {
  if (err instanceof FileFailure) return { reason: err.reason, message: err.message };
  if (!(err instanceof Error)) return { reason: "other", message: String(err) };
  const code = "errcode" in err ? Number(err.errcode) : 0;
  const reason =
    reasonOfCode.get(code) ??
    reasonOfCode.get(code & 0xff) ??
    ("code" in err && err.code === "ENOSPC" ? "full" : "other");
  return { reason, message: err.message };
}
