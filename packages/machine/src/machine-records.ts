import { mkdir, readdir, readFile, rename, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { DomainError } from "@skep/model";
import { checkMachineName, type Machine, machinePaths, prefixOf } from "./machine.ts";

/** What a node's `machine.json` holds; the rest of a `Machine` follows from where the file lies. */
type StoredMachine = Omit<Machine, "paths" | "root" | "prefix">;

/** What all nodes of one root share. */
export interface Pool {
  readonly subnet: string;
}

const recordOf = (root: string, name: string) => join(machinePaths(root, name).home, "machine.json");
const poolRecord = (root: string) => join(root, "pool.json");

/** Whole or not at all, whenever this process is killed. */
export async function writeJson(path: string, value: unknown): Promise<void> {
  await writeFile(`${path}.new`, `${JSON.stringify(value, null, 2)}\n`);
  await rename(`${path}.new`, path);
}

async function readJson(path: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(path, "utf8"));
  } catch (error) {
    if (isAbsent(error) || error instanceof SyntaxError) return undefined;
    throw error;
  }
}

export const isAbsent = (error: unknown): boolean => {
  const { code } = error as NodeJS.ErrnoException;
  return code === "ENOENT" || code === "ENOTDIR";
};

export async function saveMachine(machine: Machine): Promise<void> {
  const { paths, root, prefix, ...stored } = machine;
  await mkdir(paths.home, { recursive: true });
  await writeJson(recordOf(root, machine.name), stored satisfies StoredMachine);
}

export async function savePool(root: string, pool: Pool): Promise<void> {
  await mkdir(root, { recursive: true });
  await writeJson(poolRecord(root), pool);
}

export async function readPool(root: string): Promise<Pool | undefined> {
  return (await readJson(poolRecord(root))) as Pool | undefined;
}

/** The recorded node; undefined when there is none of this name, or its record was never finished. */
export async function readMachine(root: string, name: string): Promise<Machine | undefined> {
  const stored = (await readJson(recordOf(root, name))) as StoredMachine | undefined;
  if (stored === undefined) return undefined;
  return { ...stored, root: resolve(root), prefix: prefixOf(root), paths: machinePaths(root, name) };
}

/** The names of all node folders, finished or not. */
export async function machineNames(root: string): Promise<string[]> {
  try {
    const entries = await readdir(root, { withFileTypes: true });
    return entries
      .filter((entry) => entry.isDirectory())
      .map((entry) => entry.name)
      .sort(byNumber);
  } catch (error) {
    if (isAbsent(error)) return [];
    throw error;
  }
}

const byNumber = (a: string, b: string) => a.localeCompare(b, "en", { numeric: true });

/** The node of this name; throws `not-found` with the names there are. */
export async function openMachine(root: string, name: string): Promise<Machine> {
  checkMachineName(root, name);
  const machine = await readMachine(root, name);
  if (machine !== undefined) return machine;
  const names = await machineNames(root);
  if (names.includes(name)) {
    throw new DomainError(
      "conflict",
      `the creation of node "${name}" was interrupted: remove it with: skep machine rm -f ${name}`,
    );
  }
  const others = names.length === 0 ? `create it with: skep machine create ${name}` : `there are: ${names.join(", ")}`;
  throw new DomainError("not-found", `no such node: ${name} (${others})`);
}
