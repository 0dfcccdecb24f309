import { mkdirSync, renameSync, writeFileSync } from "node:fs";
import { mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Clock, Logger, NetworkRecord } from "@skep/model";
import type { Attachment } from "./attachment.ts";

export interface SavedRecords {
  readonly revision: number;
  readonly records: readonly NetworkRecord[];
}

const writeDelayMs = 1000;

/** What outlives skepd: the last records, beside its data; the sandboxes, where a reboot takes them away. */
export class SavedFiles {
  readonly #recordsFile: string;
  readonly #sandboxes: string;
  readonly #clock: Clock;
  readonly #logger: Logger;
  #pending: { readonly cancel: () => void; readonly records: () => SavedRecords } | undefined;
  #writing: Promise<void> = Promise.resolve();

  constructor(dataFolder: string, runFolder: string, clock: Clock, logger: Logger) {
    this.#recordsFile = join(dataFolder, "records.json");
    this.#sandboxes = join(runFolder, "sandboxes");
    this.#clock = clock;
    this.#logger = logger;
  }

  async records(): Promise<SavedRecords | undefined> {
    return (await readJson(this.#recordsFile)) as SavedRecords | undefined;
  }

  /** Writes them in a while, as they are then. */
  saveRecords(records: () => SavedRecords): void {
    if (this.#pending) return;
    this.#pending = { records, cancel: this.#clock.after(writeDelayMs, () => void this.flush()) };
  }

  /** Writes at once what would be written in a while. */
  flush(): Promise<void> {
    const { cancel, records } = this.#pending ?? {};
    this.#pending = undefined;
    cancel?.();
    if (records) this.#writing = this.#writing.then(() => this.#write(this.#recordsFile, records()));
    return this.#writing;
  }

  async attachments(): Promise<Attachment[]> {
    const names = await readdir(this.#sandboxes).catch(() => []); // none yet
    const found = await Promise.all(
      names.filter((name) => name.endsWith(".json")).map((name) => readJson(join(this.#sandboxes, name))),
    );
    return found.filter((each): each is Attachment => each !== undefined);
  }

  /** At once: the folder is in memory, and a container's start would wait longer for a thread than this takes. */
  saveAttachment(attachment: Attachment): void {
    const file = this.#fileOf(attachment.sandbox.containerId);
    const draft = `${file}.new`;
    try {
      mkdirSync(this.#sandboxes, { recursive: true });
      writeFileSync(draft, JSON.stringify(attachment), { mode: 0o600 });
      renameSync(draft, file);
    } catch (err) {
      this.#cannotSave(file, err);
    }
  }

  async removeAttachment(containerId: string): Promise<void> {
    await rm(this.#fileOf(containerId), { force: true });
  }

  async removeAll(): Promise<void> {
    this.#pending?.cancel();
    this.#pending = undefined;
    await this.#writing;
    await Promise.all([rm(this.#recordsFile, { force: true }), rm(this.#sandboxes, { recursive: true, force: true })]);
  }

  #fileOf(containerId: string): string {
    return join(this.#sandboxes, `${containerId}.json`);
  }

  async #write(file: string, value: unknown): Promise<void> {
    const draft = `${file}.new`;
    try {
      await mkdir(dirname(file), { recursive: true });
      await writeFile(draft, JSON.stringify(value), { mode: 0o600 });
      await rename(draft, file);
    } catch (err) {
      this.#cannotSave(file, err);
    }
  }

  #cannotSave(file: string, err: unknown): void {
    this.#logger.error({ file, err }, "cannot save the network's state");
  }
}

/** Undefined when there is none, or it was cut off. */
async function readJson(file: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(file, "utf8"));
  } catch {
    return undefined;
  }
}
