import { closeSync, fsyncSync, mkdirSync, openSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { DomainError } from "@skep/model";

const sqliteBusy = 5;

/** The data root is in use by another daemon. */
export class DataRootBusy extends Error {
  override readonly name = "DataRootBusy";
}

/** Keeps a second daemon off the same data root for as long as it is held. */
export interface DataRootLock extends Disposable {
  readonly path: string;
}

/**
 * Locks `dataRoot`. The lock is sqlite's exclusive file lock, which the kernel drops when its process dies in whatever
 * way, so there is no stale lock to clean.
 */
export function lockDataRoot(dataRoot: string): DataRootLock {
  mkdirSync(dataRoot, { recursive: true, mode: 0o711 });
  const path = join(dataRoot, "skepd.lock");
  const database = new DatabaseSync(path, { timeout: 0 });
  try {
    // a journal on disk would take a block, and a full disk shall not keep a node down
    database.exec("PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE");
  } catch (error) {
    database.close();
    if ((error as { errcode?: number }).errcode !== sqliteBusy) throw error;
    throw new DataRootBusy(
      `data root ${dataRoot} is in use by another skepd: stop it, or give this one its own --data-root`,
      { cause: error },
    );
  }
  return { path, [Symbol.dispose]: () => database.close() };
}

/**
 * Replaces a file so that a crash leaves either the old content or the new one, never a part. Throws `unavailable` when
 * the disk does not take it; the old content is then still there.
 */
export function writeFileAtomically(path: string, content: string, mode = 0o600): void {
  const temporary = `${path}.new`;
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    writeDurably(temporary, content, mode);
    renameSync(temporary, path);
    syncFolder(dirname(path));
  } catch (error) {
    rmSync(temporary, { force: true });
    throw new DomainError("unavailable", `cannot write ${path} (${(error as Error).message}): nothing was changed`, {
      cause: error,
    });
  }
}

function writeDurably(path: string, content: string, mode: number): void {
  const file = openSync(path, "w", mode);
  try {
    writeFileSync(file, content);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

/** Removes a file for good: a crash afterwards does not bring it back. */
export function removeFileDurably(path: string): void {
  rmSync(path, { force: true });
  syncFolder(dirname(path));
}

function syncFolder(folder: string): void {
  const handle = openSync(folder, "r");
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}
