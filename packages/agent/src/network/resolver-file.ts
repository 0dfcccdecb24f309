import { constants } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { DomainError } from "@skep/model";

/** Begins each line that skep has put out of force; after it the line stands as it was. */
const kept = "#skep# ";
const ours = ["# The names of the swarm's networks; skep keeps here what was before.", "nameserver 127.0.0.11"];
const isServer = (line: string) => /^\s*nameserver\s/.test(line);

/** A resolv.conf with skep's resolver in place of its own servers, which stay in it as comments. */
export function withResolver(text: string): string {
  const lines = withoutResolver(text).split("\n");
  return [...ours, ...lines.map((line) => (isServer(line) ? `${kept}${line}` : line))].join("\n");
}

/** As it was before. */
export function withoutResolver(text: string): string {
  const lines = text.split("\n");
  const others = lines[0] === ours[0] ? lines.slice(ours.length) : lines;
  return others.map((line) => (line.startsWith(kept) ? line.slice(kept.length) : line)).join("\n");
}

/** The servers that a container has of its own; 127.0.0.11 is the engine's resolver. */
export function upstreamsIn(text: string): string[] {
  return withoutResolver(text)
    .split("\n")
    .filter(isServer)
    .map((line) => line.trim().split(/\s+/)[1] ?? "")
    .filter((server) => server !== "");
}

export async function readUpstreams(path: string): Promise<string[]> {
  await using file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  return upstreamsIn(await read(file, path));
}

/** In place, since what is mounted in the container is this very file. */
export async function writeResolver(path: string, isSkeps: boolean): Promise<void> {
  await using file = await open(path, constants.O_RDWR | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  const before = await read(file, path);
  const after = isSkeps ? withResolver(before) : withoutResolver(before);
  if (after === before) return;
  const bytes = Buffer.from(after, "latin1");
  for (let done = 0; done < bytes.length; ) {
    done += (await file.write(bytes, done, bytes.length - done, done)).bytesWritten;
  }
  await file.truncate(bytes.length);
}

/** Whatever is in the container may write this file. */
const longestBytes = 64 << 10;

async function read(file: FileHandle, path: string): Promise<string> {
  const stats = await file.stat();
  if (!stats.isFile() || stats.size > longestBytes) {
    throw new DomainError("conflict", `${path} is no resolver configuration: it is not regular, or too long`);
  }
  const buffer = Buffer.alloc(stats.size);
  const { bytesRead } = await file.read(buffer, 0, stats.size, 0);
  return buffer.toString("latin1", 0, bytesRead);
}
