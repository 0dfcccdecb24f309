import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Logger } from "@skep/model";
import type { ContainerRecord } from "./container-record.ts";

/** The records of a node's containers, a file each, all of them in memory. */
export class ContainerRecords {
  readonly #folder: string;
  readonly #records = new Map<string, ContainerRecord>();

  /** Reads what an earlier process has left; a file that cannot be read is told of and left out. */
  constructor(folder: string, log: Logger) {
    this.#folder = folder;
    mkdirSync(folder, { recursive: true });
    for (const file of readdirSync(folder).filter((name) => name.endsWith(".json"))) {
      try {
        const record: ContainerRecord = JSON.parse(readFileSync(join(folder, file), "utf8"));
        this.#records.set(record.containerId, record);
      } catch (err) {
        log.warn({ file: join(folder, file), err }, "the record of a container cannot be read");
      }
    }
  }

  get(containerId: string): ContainerRecord | undefined {
    return this.#records.get(containerId);
  }

  all(): Iterable<ContainerRecord> {
    return this.#records.values();
  }

  get isEmpty(): boolean {
    return this.#records.size === 0;
  }

  put(record: ContainerRecord): void {
    const file = this.#file(record.containerId);
    writeFileSync(`${file}.new`, `${JSON.stringify(record)}\n`, { mode: 0o600 });
    renameSync(`${file}.new`, file);
    this.#records.set(record.containerId, record);
  }

  /** Does nothing when there is none. */
  remove(containerId: string): void {
    if (!this.#records.delete(containerId)) return;
    rmSync(this.#file(containerId), { force: true });
  }

  /** The node leaves its swarm. */
  clear(): void {
    for (const id of [...this.#records.keys()]) this.remove(id);
  }

  #file(containerId: string): string {
    return join(this.#folder, `${containerId}.json`);
  }
}
