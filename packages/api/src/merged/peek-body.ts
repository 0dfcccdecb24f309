import { Readable } from "node:stream";

export interface PeekedBody {
  /** All of it if it is short. */
  readonly start: Buffer;
  /** All of it, to be passed on. */
  readonly rest: Readable;
}

/** The first part of a body, whole if it is no longer than `longestBytes`, and a stream of all of it. */
export async function peekBody(body: Readable, longestBytes: number): Promise<PeekedBody> {
  const chunks: Buffer[] = [];
  let size = 0;
  const source: AsyncIterator<Buffer | string> = body.iterator({ destroyOnReturn: false });
  for (let next = await source.next(); !next.done; next = await source.next()) {
    const chunk = Buffer.from(next.value);
    chunks.push(chunk);
    size += chunk.length;
    if (size > longestBytes) break;
  }
  const start = Buffer.concat(chunks);
  const rest = async function* () {
    if (start.length > 0) yield start;
    for (let next = await source.next(); !next.done; next = await source.next()) yield next.value;
  };
  return { start, rest: Readable.from(rest(), { objectMode: false }) };
}
