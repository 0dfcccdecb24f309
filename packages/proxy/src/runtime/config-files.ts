import { copyFile, mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { basename, dirname } from "node:path";
import { DomainError, hasCode } from "@skep/model";
import type { Rendered } from "../render/rendered.ts";

type Texts = Pick<Rendered, "config" | "files">;

/** A copy under another name, of the config and of those files that differ from what is in place. */
export interface Trial {
  readonly path: string;
  remove(): Promise<void>;
}

/** The config as HAProxy finds it on disk, with the files that it names. Every file is replaced whole or not at all. */
export class ConfigFiles {
  readonly configPath: string;
  /** The last config that HAProxy is known to have loaded. */
  readonly goodPath: string;
  /** What is in place, by path; a file that is not here may be there nevertheless. */
  readonly #texts = new Map<string, string>();
  #trials = 0;

  constructor(configPath: string) {
    this.configPath = configPath;
    this.goodPath = `${configPath}.good`;
  }

  /** Lays the texts out for a check, under names of their own. */
  async layOut({ config, files }: Texts): Promise<Trial> {
    const suffix = `.check-${++this.#trials}`;
    const changed = [...files].filter(([path, text]) => this.#texts.get(path) !== text);
    const path = this.configPath + suffix;
    const texts = new Map(changed.map(([path, text]) => [path + suffix, text]));
    texts.set(path, withNames(config, new Map(changed.map(([path]) => [path, path + suffix]))));
    await Promise.all([...texts].map(([path, text]) => write(path, text)));
    const remove = async () => {
      await Promise.all([...texts.keys()].map((path) => rm(path, { force: true })));
    };
    return { path, remove };
  }

  /** Puts the texts in place, the config last. */
  async put({ config, files }: Texts): Promise<void> {
    for (const [path, text] of [...files, [this.configPath, config] as const]) {
      if (this.#texts.get(path) === text) continue;
      this.#texts.delete(path);
      await replace(path, text);
      this.#texts.set(path, text);
    }
  }

  /** Removes files that the config no longer names. */
  async forget(paths: Iterable<string>): Promise<void> {
    for (const path of paths) {
      this.#texts.delete(path);
      await rm(path, { force: true });
    }
  }

  /** Remembers what is in place as the last good config. A copy: a link would change with whatever changes the other. */
  async keepAsGood(): Promise<void> {
    await copyFile(this.configPath, `${this.goodPath}.new`);
    await rename(`${this.goodPath}.new`, this.goodPath);
  }

  /** Puts the last good config in place of the present one; false when there is none, or it is the same. */
  async returnToGood(): Promise<boolean> {
    const [good, present] = await Promise.all([readOrNothing(this.goodPath), readOrNothing(this.configPath)]);
    if (good === undefined || good === present) return false;
    this.#texts.delete(this.configPath);
    await replace(this.configPath, good);
    return true;
  }
}

/** The config with other names for some files, where a name stands alone: in `map_beg(/run/routes.map,.list)` too. */
export const withNames = (config: string, names: ReadonlyMap<string, string>): string =>
  names.size === 0 ? config : config.replace(/[^\s(),"']+/g, (word) => names.get(word) ?? word);

async function replace(path: string, text: string): Promise<void> {
  await write(`${path}.new`, text);
  await rename(`${path}.new`, path).catch((error) => cannotWrite(path, error));
}

async function write(path: string, text: string): Promise<void> {
  const writing = () => writeFile(path, text, { mode: 0o600 }); // users' passwords are in it
  const inNewFolder = async (error: unknown) => {
    if (!hasCode(error, "ENOENT")) throw error;
    await mkdir(dirname(path), { recursive: true });
    await writing();
  };
  await writing()
    .catch(inNewFolder)
    .catch((error) => cannotWrite(path, error));
}

function cannotWrite(path: string, cause: Error): never {
  const [reason = ""] = cause.message.split(","); // without the call, which repeats the path
  const what = `cannot write ${basename(path)} in ${dirname(path)}: ${reason}`;
  throw new DomainError("internal", `${what}; give the proxy a folder there that it may write to, with room left`, {
    cause,
  });
}

export async function readOrNothing(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if (hasCode(error, "ENOENT")) return undefined;
    throw error;
  }
}

const generationLine = /^([ \t]*setenv[ \t]+DF_GENERATION[ \t]+)\S+[ \t]*$/m;

/** The config with its generation, by which HAProxy says which config it has loaded. */
export function withGeneration(config: string, generation: number): string {
  if (!generationLine.test(config)) throw new Error("the config has no line `setenv DF_GENERATION`");
  return config.replace(generationLine, (_, start: string) => start + generation);
}

/** Undefined when the config has none. */
export function generationOf(config: string): number | undefined {
  const digits = /^[ \t]*setenv[ \t]+DF_GENERATION[ \t]+(\d+)[ \t]*$/m.exec(config)?.[1];
  return digits === undefined ? undefined : Number(digits);
}
