import { closeSync, fsyncSync, mkdirSync, openSync } from "node:fs";
import { dirname } from "node:path";
import { DatabaseSync, type StatementSync } from "node:sqlite";
import { FileFailure } from "./file-failure.ts";
import type { Rows } from "./protocol.ts";

/** Goes up when an older skep could no longer read what this one writes. */
export const schemaVersion = 1;

/** Pages between two checkpoints. Writes wait for one: 5 ms on the machine this was tuned on, 8 with SQLite's own 1000. */
const checkpointPages = 400;
const rowsPerRead = 1000;

/** The SQLite file with one row an object. Used by the writer thread only: every call blocks. */
export class Database {
  private readonly db: DatabaseSync;
  private readonly upsert: StatementSync;
  private readonly remove: StatementSync;
  private readonly setRevision: StatementSync;
  private readonly rows: Iterator<Record<string, unknown>>;
  readonly revision: number;
  private failed: { readonly err: unknown } | undefined;

  /** Opens or makes the file. Throws `FileFailure`, or SQLite's error. */
  constructor(path: string) {
    ensurePrivateFile(path);
    this.db = new DatabaseSync(path, { timeout: 0 });
    try {
      prepareSchema(this.db);
      this.upsert = this.db.prepare(
        `INSERT INTO objects (kind, id, revision, json) VALUES (?, ?, ?, ?)
         ON CONFLICT (kind, id) DO UPDATE SET revision = excluded.revision, json = excluded.json`,
      );
      this.remove = this.db.prepare("DELETE FROM objects WHERE kind = ? AND id = ?");
      this.setRevision = this.db.prepare("UPDATE state SET revision = ?");
      this.revision = Number(this.db.prepare("SELECT revision FROM state").get()?.revision);
      this.rows = this.db.prepare("SELECT kind, json FROM objects").iterate();
    } catch (err) {
      this.db.close();
      throw err;
    }
  }

  /** The next objects, as pairs of kind and JSON; empty at the end. */
  read(): string[] {
    const pairs: string[] = [];
    while (pairs.length < 2 * rowsPerRead) {
      const next = this.rows.next();
      if (next.done) break;
      pairs.push(String(next.value.kind), String(next.value.json));
    }
    return pairs;
  }

  /** Writes within a transaction that the next `commit` ends. An error is kept for it. */
  stage(rows: Rows): void {
    if (this.failed) return;
    try {
      if (!this.db.isTransaction) this.db.exec("BEGIN IMMEDIATE");
      for (let at = 0; at < rows.length; at += 4) this.write(rows, at);
    } catch (err) {
      this.failed = { err };
    }
  }

  /** Makes everything staged, and `rows`, durable. Throws after taking all of it back. */
  commit(rows: Rows, revision: number): void {
    this.stage(rows);
    try {
      if (this.failed) throw this.failed.err;
      this.setRevision.run(revision);
      this.db.exec("COMMIT");
    } catch (err) {
      this.failed = undefined;
      this.rollBack();
      throw err;
    }
  }

  close(): void {
    this.db.close();
  }

  /** Were a transaction left open, the next commit would take half of it along. */
  private rollBack(): void {
    try {
      if (this.db.isTransaction) this.db.exec("ROLLBACK");
    } catch (err) {
      throw new FileFailure("unsynced", `a failed write cannot be taken back: ${err}`);
    }
  }

  private write(rows: Rows, at: number): void {
    const [kind, id, revision, json] = [rows[at] ?? "", rows[at + 1] ?? "", rows[at + 2] ?? 0, rows[at + 3] ?? null];
    if (json === null) this.remove.run(kind, id);
    else this.upsert.run(kind, id, revision, json);
  }
}

/** The cluster's keys are in it: only its owner may read the file, and SQLite makes the log beside it alike. */
function ensurePrivateFile(path: string): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  closeSync(openSync(path, "a", 0o600));
  const directory = openSync(dirname(path), "r");
  fsyncSync(directory);
  closeSync(directory);
}

function prepareSchema(db: DatabaseSync): void {
  // Exclusive: nobody else may write to the file, and the index of the log needs no shared memory.
  db.exec("PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL");
  db.exec(`PRAGMA wal_autocheckpoint = ${checkpointPages}`);
  const found = Number(db.prepare("PRAGMA user_version").get()?.user_version);
  if (found > schemaVersion) throw new FileFailure("newer-schema", `schema ${found}`);
  const check = String(db.prepare("PRAGMA quick_check(1)").get()?.quick_check);
  if (check !== "ok") throw new FileFailure("damaged", check);
  if (found === 0) {
    db.exec(`
      BEGIN IMMEDIATE;
      CREATE TABLE objects (
        kind TEXT NOT NULL, id TEXT NOT NULL, revision INTEGER NOT NULL, json TEXT NOT NULL, PRIMARY KEY (kind, id)
      ) STRICT;
      CREATE TABLE state (revision INTEGER NOT NULL) STRICT;
      INSERT INTO state VALUES (0);
      PRAGMA user_version = ${schemaVersion};
      COMMIT`);
  }
}
