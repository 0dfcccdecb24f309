import { PassThrough, type Readable } from "node:stream";
import type { FakeContainer, FakeLogLine } from "./fake-container.ts";

/** Container output as `GET /containers/{id}/logs` sends it: frames, or raw with a TTY. */
export class FakeLogStreams {
  readonly #followers = new Map<string, Set<(line: FakeLogLine | undefined) => void>>();

  open(container: FakeContainer, query: Readonly<Record<string, string>>, signal: AbortSignal): Readable {
    const stream = new PassThrough();
    const send = (line: FakeLogLine) => {
      if (wanted(line, query)) stream.write(encode(line, container.config.Tty ?? false, query));
    };
    const matching = container.log.filter((line) => wanted(line, query));
    for (const line of lastOf(matching, query.tail)) send(line);
    if (!isTrue(query.follow) || container.status === "exited") stream.end();
    else this.#follow(container.id, stream, send, signal);
    signal.addEventListener("abort", () => stream.destroy(), { once: true });
    return stream;
  }

  write(container: FakeContainer, line: FakeLogLine): void {
    container.log.push(line);
    for (const tell of this.#followers.get(container.id) ?? []) tell(line);
  }

  /** The container has ended: so do the streams that follow it. */
  close(container: FakeContainer): void {
    for (const tell of this.#followers.get(container.id) ?? []) tell(undefined);
    this.#followers.delete(container.id);
  }

  #follow(id: string, stream: PassThrough, send: (line: FakeLogLine) => void, signal: AbortSignal): void {
    const followers = this.#followers.get(id) ?? new Set();
    const tell = (line: FakeLogLine | undefined) => (line ? send(line) : stream.end());
    followers.add(tell);
    this.#followers.set(id, followers);
    signal.addEventListener("abort", () => followers.delete(tell), { once: true });
  }
}

const isTrue = (value: string | undefined) => value === "1" || value === "true";

function wanted({ stream, atMs }: FakeLogLine, query: Readonly<Record<string, string>>): boolean {
  const seconds = atMs / 1000;
  if (query.since !== undefined && seconds < Number(query.since)) return false;
  if (query.until !== undefined && seconds > Number(query.until)) return false;
  return isTrue(query[stream]);
}

const lastOf = <T>(lines: readonly T[], tail: string | undefined): readonly T[] =>
  tail === undefined || tail === "all" ? lines : lines.slice(Math.max(0, lines.length - Number(tail)));

function encode({ stream, text, atMs }: FakeLogLine, tty: boolean, query: Readonly<Record<string, string>>): Buffer {
  const time = isTrue(query.timestamps) ? `${new Date(atMs).toISOString()} ` : "";
  const payload = Buffer.from(`${time}${text}`);
  if (tty) return payload;
  const head = Buffer.alloc(8);
  head.writeUInt8(stream === "stdout" ? 1 : 2, 0);
  head.writeUInt32BE(payload.length, 4);
  return Buffer.concat([head, payload]);
}
