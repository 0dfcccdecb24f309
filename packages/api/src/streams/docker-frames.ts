// Docker's multiplexed stream: frames of an 8-byte header (stream, three zeros, big-endian length) and a payload.

export const streamIds = { stdout: 1, stderr: 2, systemError: 3 } as const;

export interface Frame {
  /** One of `streamIds`; 0 is stdin, which engines echo nowhere. */
  readonly stream: number;
  readonly payload: Uint8Array;
}

const headerBytes = 8;

export function encodeFrame({ stream, payload }: Frame): Buffer {
  const frame = Buffer.allocUnsafe(headerBytes + payload.length);
  frame.writeUInt32BE(stream << 24, 0);
  frame.writeUInt32BE(payload.length, 4);
  frame.set(payload, headerBytes);
  return frame;
}

/** Cuts a multiplexed stream, which may arrive in pieces of any size, into its frames. Half a frame at the end is lost. */
export async function* decodeFrames(source: AsyncIterable<Uint8Array>): AsyncGenerator<Frame> {
  let pieces: Uint8Array[] = [];
  let size = 0;
  let wanted = headerBytes;
  for await (const piece of source) {
    pieces.push(piece);
    size += piece.length;
    if (size < wanted) continue;
    let rest = Buffer.concat(pieces);
    for (wanted = frameBytes(rest); rest.length >= wanted; wanted = frameBytes(rest)) {
      yield { stream: rest.readUInt8(0), payload: rest.subarray(headerBytes, wanted) };
      rest = rest.subarray(wanted);
    }
    pieces = [rest];
    size = rest.length;
  }
}

/** How many bytes the frame at the start of `buffer` takes; until its header is there, those of the header. */
const frameBytes = (buffer: Buffer): number =>
  buffer.length < headerBytes ? headerBytes : headerBytes + buffer.readUInt32BE(4);

/** A raw (TTY) stream as frames of stdout, piece by piece as it comes. */
export async function* framesOfPieces(source: AsyncIterable<Uint8Array>): AsyncGenerator<Frame> {
  for await (const payload of source) yield { stream: streamIds.stdout, payload };
}

/** The lines of a raw (TTY) stream as frames of stdout, each with its line end; very long ones in parts. */
export async function* framesOfLines(source: AsyncIterable<Uint8Array>): AsyncGenerator<Frame> {
  let rest = Buffer.alloc(0);
  for await (const piece of source) {
    rest = Buffer.concat([rest, piece]);
    for (let end = endOfLine(rest); end > 0; end = endOfLine(rest)) {
      yield { stream: streamIds.stdout, payload: rest.subarray(0, end) };
      rest = rest.subarray(end);
    }
  }
  if (rest.length > 0) yield { stream: streamIds.stdout, payload: rest };
}

/** Where the first line ends, its end included; 0 when it has not ended yet. As engines cut theirs. */
function endOfLine(buffer: Buffer): number {
  const end = buffer.indexOf(newline) + 1;
  return end > 0 ? end : buffer.length > longestLineBytes ? buffer.length : 0;
}

const newline = 0x0a;
const longestLineBytes = 16 * 1024;
