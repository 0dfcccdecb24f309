import { constants } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { DomainError } from "@skep/model";

/** A line of a hosts file. */
export interface HostLine {
  readonly address: string;
  /** The host name first, then its aliases. */
  readonly names: readonly string[];
}

/** Ends our lines, for us to know them by; every reader of hosts files takes it for a comment. */
const mark = "# skep";

/** A hosts file's text with these lines of ours in place of earlier ones, and all else kept as it is. */
export function renderHosts(text: string, lines: readonly HostLine[]): string {
  const others = text.split("\n").filter((line) => !line.endsWith(`\t${mark}`));
  if (others.at(-1) === "") others.pop();
  const ours = lines
    .map(({ address, names }) => ({ address, names: names.filter((name) => /^[^\s#]+$/.test(name)) }))
    .filter(({ names }) => names.length > 0)
    .map(({ address, names }) => `${address}\t${names.join(" ")}\t${mark}`);
  const all = [...others, ...ours];
  return all.length === 0 ? "" : `${all.join("\n")}\n`;
}

/** Whatever is in the container may write its hosts file: more than this is not looked at. */
const longestBytes = 1 << 20;

/**
 * Brings a container's hosts file up to date; false when it was. It is written in place, since what is mounted in the
 * container is this very file and not its name.
 */
export async function writeHosts(path: string, lines: readonly HostLine[]): Promise<boolean> {
  await using file = await open(path, constants.O_RDWR | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  const before = await readWhole(file, path);
  const after = Buffer.from(renderHosts(before.toString("latin1"), lines), "latin1");
  if (after.equals(before)) return false;
  await writeWhole(file, after);
  if (after.length < before.length) await file.truncate(after.length);
  return true;
}

async function readWhole(file: FileHandle, path: string): Promise<Buffer> {
  const stats = await file.stat();
  if (!stats.isFile() || stats.size > longestBytes) {
    throw new DomainError(
      "conflict",
      `${path} is no hosts file: it is not regular, or longer than ${longestBytes} bytes`,
    );
  }
  const buffer = Buffer.alloc(stats.size);
  const { bytesRead } = await file.read(buffer, 0, stats.size, 0);
  return buffer.subarray(0, bytesRead);
}

/** As a rule in one call: a reader sees the file before or after it. */
async function writeWhole(file: FileHandle, bytes: Buffer): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    done += (await file.write(bytes, done, bytes.length - done, done)).bytesWritten;
  }
}
