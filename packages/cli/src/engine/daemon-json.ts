import { chmod, chown, mkdir, open, readFile, realpath, rename, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { DomainError } from "@skep/model";
import { setMember } from "./json-text.ts";

/** A runtime as dockerd's configuration names it. */
export interface RuntimeEntry {
  readonly path: string;
  readonly runtimeArgs?: readonly string[];
}

/** dockerd's configuration file, with its text as it was read. */
export interface DaemonJson {
  readonly file: string;
  /** Undefined when there is no such file. */
  readonly text: string | undefined;
  readonly runtimes: Readonly<Record<string, RuntimeEntry>>;
  readonly defaultRuntime: string | undefined;
}

/** Throws `conflict` when the file is not one that dockerd would start with. */
export async function readDaemonJson(file: string): Promise<DaemonJson> {
  const text = await readFile(file, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined;
    throw error;
  });
  const content = parse(file, text ?? "");
  const { runtimes = null, "default-runtime": defaultRuntime } = content;
  if (runtimes !== null && !isObject(runtimes)) throw unusable(file, `"runtimes" in it is not an object`);
  return {
    ...{ file, text },
    runtimes: (runtimes ?? {}) as Readonly<Record<string, RuntimeEntry>>,
    defaultRuntime: typeof defaultRuntime === "string" ? defaultRuntime : undefined,
  };
}

function parse(file: string, text: string): Record<string, unknown> {
  if (text.trim() === "") return {};
  let content: unknown;
  try {
    content = JSON.parse(text);
  } catch (error) {
    throw unusable(file, `it is not JSON (${(error as Error).message})`);
  }
  if (!isObject(content)) throw unusable(file, "it is not one JSON object");
  return content;
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const unusable = (file: string, why: string) =>
  new DomainError(
    "conflict",
    `${file} cannot be used: ${why}. Nothing has been changed; mend it, then repeat the command`,
  );

const emptyText = "{}\n";

export function withRuntime(text: string | undefined, name: string, entry: RuntimeEntry): string {
  return setMember(isEmpty(text) ? emptyText : text, ["runtimes", name], entry);
}

/** "runtimes" stays, empty if need be: dockerd keeps what it has when its file does not speak of any. */
export function withoutRuntime(text: string | undefined, name: string): string {
  const rest = setMember(isEmpty(text) ? emptyText : text, ["runtimes", name], undefined);
  return isObject(JSON.parse(rest).runtimes) ? rest : setMember(rest, ["runtimes"], {});
}

/** For when dockerd has forgotten them. */
export function withoutEmptyRuntimes(text: string): string {
  return Object.keys(JSON.parse(text).runtimes ?? {}).length === 0 ? setMember(text, ["runtimes"], undefined) : text;
}

const isEmpty = (text: string | undefined): text is undefined => text === undefined || text.trim() === "";

export const backupOf = (file: string) => `${file}.skep-backup`;

/** Replaces the file as a whole, keeping its owner and mode; what was there is kept beside it. */
export async function writeDaemonJson({ file, text: before }: DaemonJson, text: string): Promise<void> {
  await mkdir(dirname(file), { recursive: true });
  if (before === undefined) return replace(file, text, undefined);
  const real = await realpath(file); // it may be a link to where the configuration is really kept
  const like = await stat(real);
  await replace(backupOf(real), before, like);
  await replace(real, text, like);
}

interface Like {
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
}

async function replace(file: string, text: string, like: Like | undefined): Promise<void> {
  const unfinished = `${file}.skep-new`;
  const handle = await open(unfinished, "w", 0o644);
  try {
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
  if (like !== undefined) {
    await chown(unfinished, like.uid, like.gid);
    await chmod(unfinished, like.mode & 0o7777);
  }
  await rename(unfinished, file);
}
