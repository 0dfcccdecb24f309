import type { Clock } from "@skep/model";
import type { ClusterEvent } from "../cluster-event.ts";
import type { WriteStream } from "../router.ts";

/** The engine sends its past events at once; when it has said nothing newer for this long, it has none. */
const engineHistoryMs = 100;
/** Of a client that does not read; the engine's own events wait in their socket. */
const longestQueue = 10_000;

/** Puts cluster events between the lines of the engine's event stream, past ones where they belong by their time. */
export class EventMerge implements Disposable {
  readonly #write: WriteStream;
  readonly #cancel: () => void;
  #past: ClusterEvent[];
  #partial = Buffer.alloc(0);
  #written = Promise.resolve();
  #queued = 0;

  /** `past` is to be shown among the engine's own past events. */
  constructor(write: WriteStream, clock: Clock, past: readonly ClusterEvent[]) {
    this.#write = write;
    this.#past = [...past];
    this.#cancel = past.length > 0 ? clock.after(engineHistoryMs, () => this.#flushPast()) : () => {};
  }

  /** A new cluster event; false when the client has left too many unread. */
  add(event: ClusterEvent): boolean {
    if (this.#past.length > 0) this.#past.push(event);
    else this.#send(render(event));
    return this.#queued < longestQueue;
  }

  /** A piece of the engine's stream; resolves when the client has taken it. */
  async pass(chunk: Uint8Array): Promise<void> {
    const bytes = Buffer.concat([this.#partial, chunk]);
    const end = bytes.lastIndexOf("\n") + 1;
    this.#partial = bytes.subarray(end);
    if (this.#past.length > 0) this.#passInOrder(bytes.subarray(0, end).toString());
    else if (end > 0) this.#send(bytes.subarray(0, end));
    await this.#written;
  }

  /** The engine's stream has ended; resolves when the client has everything. */
  async end(): Promise<void> {
    this.#flushPast();
    this.#send(this.#partial);
    await this.#written;
  }

  [Symbol.dispose](): void {
    this.#cancel();
  }

  #passInOrder(lines: string): void {
    for (const line of lines.split(/(?<=\n)/)) {
      const atNano = Number(/"timeNano":(\d+)/.exec(line)?.[1] ?? 0);
      const later = this.#past.findIndex((event) => event.timeNano > atNano);
      const earlier = this.#past.splice(0, later < 0 ? this.#past.length : later);
      this.#send(earlier.map(render).join("") + line);
    }
  }

  #flushPast(): void {
    this.#send(this.#past.splice(0).map(render).join(""));
  }

  #send(data: string | Uint8Array): void {
    if (data.length === 0) return;
    this.#queued += 1;
    this.#written = this.#written.then(async () => {
      await this.#write(data);
      this.#queued -= 1;
    });
    this.#written.catch(() => {}); // whoever awaits the last write hears of it
  }
}

const render = (event: ClusterEvent): string => `${JSON.stringify(event)}\n`;
