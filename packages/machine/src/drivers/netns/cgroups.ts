import { readdir, rmdir } from "node:fs/promises";
import { join } from "node:path";
import { isAbsent } from "../../machine-records.ts";

const mountPoint = "/sys/fs/cgroup";

/** The cgroups of this name, directly below the one hierarchy of cgroup v2, or below each of v1's. */
export async function findCgroups(name: string): Promise<string[]> {
  const hierarchies = [mountPoint, ...(await folders(mountPoint)).map((entry) => join(mountPoint, entry))];
  const found = await Promise.all(
    hierarchies.map(async (folder) => ((await folders(folder)).includes(name) ? [join(folder, name)] : [])),
  );
  return found.flat();
}

/** Removes the cgroups that the engine of a node made for its containers; the processes in them are gone. */
export async function removeCgroups(name: string): Promise<void> {
  for (const cgroup of await findCgroups(name)) await removeTree(cgroup);
}

async function removeTree(cgroup: string): Promise<void> {
  for (const child of await folders(cgroup)) await removeTree(join(cgroup, child));
  await rmdir(cgroup).catch((error) => {
    if (!isAbsent(error)) throw error;
  });
}

async function folders(folder: string): Promise<string[]> {
  try {
    const entries = await readdir(folder, { withFileTypes: true });
    return entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
  } catch (error) {
    if (isAbsent(error)) return [];
    throw error;
  }
}
