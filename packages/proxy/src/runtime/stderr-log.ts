import { closeSync, type FSWatcher, fstatSync, ftruncateSync, openSync, readSync, watch } from "node:fs";
import type { Logger } from "@skep/model";

const longestFile = 1024 * 1024;
const mostRemembered = 500;

/**
 * What HAProxy says on stderr. It writes to a file and not to a pipe: so it can go on when the controller is gone, and
 * the next controller goes on reading.
 */
export class StderrLog implements Disposable {
  /** Opened for appending; given to HAProxy. */
  readonly fd: number;
  readonly #logger: Logger;
  readonly #watcher: FSWatcher;
  readonly #lines: string[] = [];
  #offset: number;
  #rest = "";
  /** Lines read so far, also those no longer remembered. */
  #count = 0;
  #closed = false;

  constructor(path: string, logger: Logger) {
    this.fd = openSync(path, "a+", 0o600);
    this.#logger = logger;
    this.#offset = fstatSync(this.fd).size;
    this.#watcher = watch(path, { persistent: false }, () => this.read());
    this.#watcher.on("error", (err) => logger.debug({ err }, "stderr of haproxy is not watched"));
  }

  /** For `since`. */
  mark(): number {
    this.read();
    return this.#count;
  }

  /** What was said since a mark, as far as it is remembered. */
  since(mark: number): string {
    this.read();
    return this.#lines.slice(Math.max(this.#lines.length - (this.#count - mark), 0)).join("\n");
  }

  read(): void {
    if (this.#closed) return;
    const size = fstatSync(this.fd).size;
    if (size < this.#offset) this.#offset = 0;
    if (size === this.#offset) return;
    const bytes = Buffer.alloc(size - this.#offset);
    this.#offset += readSync(this.fd, bytes, 0, bytes.length, this.#offset);
    const lines = (this.#rest + bytes.toString()).split("\n");
    this.#rest = lines.pop() ?? "";
    for (const line of lines) this.#take(line);
    if (this.#offset > longestFile) {
      ftruncateSync(this.fd);
      this.#offset = 0;
    }
  }

  #take(line: string): void {
    this.#count++;
    this.#lines.push(line);
    if (this.#lines.length > mostRemembered) this.#lines.shift();
    if (line.startsWith("[ALERT]")) this.#logger.warn({ line }, "haproxy says");
    else if (line.startsWith("[WARNING]")) this.#logger.info({ line }, "haproxy says");
    else this.#logger.debug({ line }, "haproxy says");
  }

  [Symbol.dispose](): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#watcher.close();
    closeSync(this.fd);
  }
}
